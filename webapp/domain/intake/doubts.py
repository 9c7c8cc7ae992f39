"""What is doubtful in a file, and the answers a person can give: without one the file is refused, not guessed."""

from enum import StrEnum

from webapp.domain.core.language import N_


class Answer(StrEnum):
    """What a person decides about a file as a whole."""

    FILL_MERGED = "fill-merged"  # a merged cell's value holds for every row that it covers
    LEAVE_HIDDEN = "leave-hidden"  # hidden rows stay outside
    TAKE_HIDDEN = "take-hidden"  # hidden rows are rows


Answers = frozenset[Answer]
# For programs, which nobody can ask: nobody is mailed who was not seen, and no row loses its value.
SAFE: Answers = frozenset((Answer.FILL_MERGED, Answer.LEAVE_HIDDEN))

OTHER_SHEETS = N_(
    "シート「%(sheet)s」のほかに、%(others)sにも同じ表があります。1枚のシートにまとめるか、シートごとに別の"
    "ファイルにして取り込んでください。"
)
HIDDEN_ROWS = N_(
    "隠れている行が%(n)s行あります（最初は%(row)s行目）。取り込むなら再表示し、取り込まないなら削除してから、保存し直してください。"
)
MERGED = N_(
    "%(column)sの%(row)s行目から%(last)s行目は、結合されたセルです。このままでは最初の行のほかは空になります。"
    "結合を解いて、どの行にも値を入れてください。"
)
NO_STORED_VALUE = N_(
    "%(row)s行目の%(column)sは、計算した値が保存されていない数式です。"
    "Excel で開いて保存し直すか、値に置き換えてください。"
)
