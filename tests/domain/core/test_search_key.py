import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.core.search_key import fold_search_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ヤマダ　タロウ", "ﾔﾏﾀﾞ ﾀﾛｳ"),
        ("やまだたろう", "ヤマダ タロウ"),
        ("サトー", "さと-"),
        ("サトー", "ｻﾄｰ"),
        ("サトー", "サト―"),
        ("ABC-123", "ａｂｃ１２３"),
        ("1234-5678-901234", "12345678901234"),
        ("１００−０００１", "1000001"),
        ("O'Brien", "o'brien"),
        ("か\u3099", "ガ"),
        ("\ufa19", "神"),
    ],
)
def test_two_spellings_of_one_name_have_one_key(one, other):
    assert fold_search_key(one) == fold_search_key(other)


@pytest.mark.parametrize(("one", "other"), [("渡邉", "渡邊"), ("斎藤", "齋藤"), ("高", "髙"), ("サトー", "サト")])
def test_variants_of_kanji_and_other_names_stay_apart(one, other):
    assert fold_search_key(one) != fold_search_key(other)


@given(st.text(max_size=20) | st.text(alphabet="あアｱーｰ-−‐ aＡ１ﾞ", max_size=12))
def test_a_key_is_its_own_key(text):
    key = fold_search_key(text)
    assert fold_search_key(key) == key
