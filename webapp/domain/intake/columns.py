"""The columns of the two tables that offices send, and how a heading is recognised."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.domain.core.language import N_
from webapp.domain.parsing.problems import IntakeError

LINE = "行"
REASON = "理由"
REJECT_COLUMNS = (LINE, REASON)

# A row whose number of cells does not fit the heading carries "found/expected" under this key; surplus cells
# stand under SURPLUS + "1", SURPLUS + "2" … The unit separator cannot begin a heading that people type.
SHAPE = "\x1fshape"
SURPLUS = "\x1fsurplus"


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of file: its columns in the order of the template, and which of them must have a heading.

    `may_be_cut` are columns whose cells may be missing at the end of a row: Excel leaves out trailing empty cells
    of a CSV. A row cut before any other column is more likely broken by a line feed and is refused.
    """

    title: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    may_be_cut: frozenset[str]


REGISTRATIONS = Table(
    title=N_("登録完了のファイル"),
    columns=(
        "申請番号",
        "登録完了日時",
        "技能者ID",
        "氏名",
        "氏名カナ",
        "生年月日",
        "郵便番号",
        "住所",
        "電話番号",
        "メールアドレス",
        "送付先郵便番号",
        "送付先住所",
        "送付先宛名",
        "所属事業者ID",
        "代行申請事業者ID",
        "言語",
        "職種",
        "資格",
        "就業日数",
        "社会保険",
        "建退共",
        "レベル",
        "カード",
    ),
    required=("申請番号", "登録完了日時", "氏名", "氏名カナ", "生年月日"),
    may_be_cut=frozenset(("言語", "職種", "資格", "就業日数", "社会保険", "建退共", "レベル", "カード")),
)

BUSINESSES = Table(
    title=N_("事業者のファイル"),
    columns=("事業者ID", "名称", "名称カナ", "メールアドレス", "郵便番号", "住所", "電話番号"),
    required=("事業者ID", "名称"),
    may_be_cut=frozenset(("電話番号",)),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading row as understood.

    `texts` are the headings as they stand in the file (trailing blank ones dropped), `keys` the names under which
    the cells of a row are found: the table's own name for a known column, else the heading, made unique.
    """

    texts: tuple[str, ...]
    keys: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def from_rejects(self) -> bool:
        """Whether the file is a mended rejects file: it has both of the columns that only we write."""
        return LINE in self.keys and REASON in self.keys


def fold_heading(text: str) -> str:
    """A heading without differences of width, case, blanks and byte order marks."""
    folded = unicodedata.normalize("NFKC", text).replace("\ufeff", "").replace("\u200b", "")
    return "".join(folded.split()).casefold()


def known_headings(cells: Sequence[str], table: Table) -> int:
    """How many cells of a row are headings of the table: tells the delimiter, and a heading row from others."""
    wanted = {fold_heading(column) for column in table.columns}
    return len(wanted.intersection(map(fold_heading, cells)))


def has_required(cells: Sequence[str], table: Table) -> bool:
    """Whether a row has all headings that the table must have."""
    return {fold_heading(column) for column in table.required} <= set(map(fold_heading, cells))


HEADING_ROWS = 10  # a title or a date stands above the heading in many a list


def find_heading(rows: Sequence[Sequence[str]], table: Table) -> int:
    """Which of the first filled rows is the heading: the first with the most headings of the table."""
    return max(range(len(rows)), key=lambda n: known_headings(rows[n], table), default=0)


def read_heading(cells: Sequence[str], table: Table) -> Heading:
    """Understand a heading row in any column order.

    Raises IntakeError when a required column is missing (all of them named at once) or a known one stands twice.
    """
    texts = [cell.replace("\ufeff", "") for cell in cells]
    while texts and not texts[-1].strip():
        texts.pop()
    names = {fold_heading(column): column for column in (*table.columns, *REJECT_COLUMNS)}
    keys: list[str] = []
    unknown: list[str] = []
    for text in texts:
        name = names.get(fold_heading(text))
        if name is None:
            shown = text.strip() or f"({len(keys) + 1})"
            unknown.append(shown)
            name = shown
            while name in keys or name in table.columns:
                name += "'"
        elif name in keys:
            raise IntakeError(N_("見出し「%(column)s」が2つあります。どちらか1つにしてください。"), {"column": name})
        keys.append(name)
    missing = [column for column in table.required if column not in keys]
    if missing:
        raise IntakeError(
            N_(
                "%(table)sに必要な列がありません: %(missing)s。"
                "見出しの行を確かめてください（見つかった見出し: %(found)s）。"
            ),
            {
                "table": table.title,
                "missing": "、".join(missing),
                "found": "、".join(text.strip()[:40] for text in texts[:40]) or "—",
            },
        )
    return Heading(tuple(texts), tuple(keys), tuple(unknown))


# Other words for a column that need not be there, folded. A file with such a heading would lose it without a word.
_LIKELY = {
    "メールアドレス": ("e-mail", "email", "mail", "メール", "eメール", "e-mailアドレス", "電子メール", "mailaddress"),
    "技能者ID": ("技能者番号", "技能者id番号", "ccusid", "ccus番号"),
    "郵便番号": ("〒", "郵便", "〒番号", "postalcode", "zip", "zipcode"),
    "住所": ("現住所", "所在地", "address", "住所1"),
    "電話番号": ("電話", "tel", "連絡先", "携帯", "携帯電話", "携帯番号", "phone"),
    "所属事業者ID": ("事業者id", "所属事業者", "所属事業者番号", "所属会社id"),
    "代行申請事業者ID": ("代行事業者id", "代行申請事業者", "代行事業者"),
    "名称カナ": ("事業者名カナ", "会社名カナ", "フリガナ", "カナ"),
    "言語": ("language", "使用言語"),
    "職種": ("職種名", "職業"),
    "資格": ("資格名", "保有資格"),
}


def refuse_likely_columns(heading: Heading, table: Table) -> None:
    """Raise IntakeError when a column that is not taken is likely one of the table's that the file lacks."""
    for text in heading.unknown:
        folded = fold_heading(text)
        column = next((column for column, words in _LIKELY.items() if folded in words and column in table.columns), "")
        if column and column not in heading.keys:
            raise IntakeError(
                N_(
                    "見出し「%(heading)s」の列は、このままでは取り込まれません。「%(column)s」の列なら見出しを"
                    "「%(column)s」に直し、違うなら列を消してください。"
                ),
                {"heading": text[:40], "column": column},
            )
