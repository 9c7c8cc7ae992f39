"""`todoke barcode`: answers for programs and for people."""

import json

import pytest
from click.testing import CliRunner

from webapp.cli import main


def run(*arguments):
    return CliRunner().invoke(main, ["barcode", *arguments])


def test_it_prints_the_symbol_as_json():
    result = run("--postal-code", "100-0013", "--address", "東京都千代田区霞が関1-3-2 甲ビル503", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["digits"] == "1-3-2-503"
    assert found["codes"] == [*"10000131-3-2-503", *["CC4"] * 4]
    assert found["check"] == "9"
    assert len(found["bars"]) == 67
    assert found["warnings"] == []


@pytest.mark.parametrize(
    ("code", "address", "reason"),
    [("1000000", "東京都千代田区9", "town_code"), ("9999999", "東京都千代田区丸の内9", "unknown_code")],
)
def test_where_there_is_no_barcode_it_says_why(code, address, reason):
    result = run("--postal-code", code, "--address", address, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["reason"], found["bars"]) == (reason, None)


@pytest.mark.parametrize(
    ("code", "address", "word"),
    [
        ("12345", "東京都", "郵便番号"),
        ("abcdefg", "東京都", "郵便番号"),
        ("1000013", " ", "住所"),
        ("", "", "郵便番号"),
    ],
)
def test_bad_input_exits_2_with_a_sentence(code, address, word):
    result = run("--postal-code", code, "--address", address, "--json")
    assert result.exit_code == 2
    assert word in result.stderr
    assert "Traceback" not in result.output


def test_without_json_it_speaks_to_people():
    result = run("--postal-code", "2280001", "--address", "座間市相模が丘9")
    assert result.exit_code == 0
    assert "抜き出し: 9" in result.stdout
    assert "廃止" in result.stderr
    assert "バーコードなし" in run("--postal-code", "1000000", "--address", "千代田区9").stdout
