"""`todoke bounce judge` and `explain` print what programs and people need and change nothing."""

import json

from click.testing import CliRunner

from tests.domain.bounce.corpus import read_mails
from webapp.cli import main

KEYS = {"file", "kind", "recipients", "hard", "reason", "status", "reply_code", "stage", "failures"}


def _write(folder, file: str = "bounces.txt") -> dict[str, str]:
    paths = {}
    for written in read_mails(file):
        path = folder / f"{written.name}.eml"
        path.write_bytes(written.mail)
        paths[written.name] = str(path)
    return paths


def test_judge_prints_a_line_of_json_for_each_file(tmp_path):
    paths = _write(tmp_path)
    result = CliRunner().invoke(main, ["bounce", "judge", "--jsonl", *paths.values()])
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["file"] for line in lines] == list(paths.values())
    assert all(line.keys() == KEYS for line in lines)


def test_the_line_speaks_of_the_first_hard_failure(tmp_path):
    path = _write(tmp_path)["exim-two"]
    line = json.loads(CliRunner().invoke(main, ["bounce", "judge", "--jsonl", path]).stdout)
    assert (line["kind"], line["hard"], line["reason"]) == ("bounce", True, "userunknown")
    assert (line["reply_code"], line["stage"]) == ("550", "rcpt")
    assert line["recipients"] == ["jane@example.org", "bob@example.org"]
    assert [failure["reason"] for failure in line["failures"]] == ["userunknown", "mailboxfull"]
    assert [failure["class"] for failure in line["failures"]] == ["dead", "refused"]


def test_what_is_no_bounce_repeats_its_kind_as_reason(tmp_path):
    paths = _write(tmp_path, "not_bounces.txt")
    result = CliRunner().invoke(main, ["bounce", "judge", "--jsonl", *paths.values()])
    for line in map(json.loads, result.stdout.splitlines()):
        assert line["hard"] is False
        assert line["reason"] == line["kind"] or (line["kind"] == "delayed" and line["failures"])


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_judged(tmp_path):
    path = _write(tmp_path)["postfix-rcpt"]
    missing = str(tmp_path / "missing.eml")
    result = CliRunner().invoke(main, ["bounce", "judge", "--jsonl", missing, path, str(tmp_path)])
    assert result.exit_code == 2
    assert missing in result.stderr and str(tmp_path) in result.stderr
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == [path]
    assert "Traceback" not in result.output


def test_a_name_with_bytes_that_are_no_text_is_survived(tmp_path):
    result = CliRunner().invoke(main, ["bounce", "judge", "--jsonl", "a\0b"])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_standard_input_is_a_file_too():
    mail = read_mails("bounces.txt")[0].mail
    result = CliRunner().invoke(main, ["bounce", "judge", "--jsonl", "-"], input=mail)
    assert result.exit_code == 0, result.exception
    line = json.loads(result.stdout)
    assert (line["file"], line["reason"]) == ("-", "userunknown")


def test_explain_says_what_was_recognised_which_rule_decided_and_what_follows(tmp_path):
    path = _write(tmp_path)["docomo-after-data"]
    result = CliRunner().invoke(main, ["bounce", "explain", path])
    assert result.exit_code == 0
    assert "sendmail" in result.stdout
    assert "docomo carriers.txt" in result.stdout
    assert "filtered" in result.stdout
    assert "3日の間に送り直し" in result.stdout


def test_explain_says_why_a_mail_is_no_bounce(tmp_path):
    path = _write(tmp_path, "not_bounces.txt")["vacation-en-quotes-550"]
    assert "自動応答です" in CliRunner().invoke(main, ["bounce", "explain", path]).stdout


def test_explain_of_a_missing_file_exits_2(tmp_path):
    result = CliRunner().invoke(main, ["bounce", "explain", str(tmp_path / "no.eml")])
    assert result.exit_code == 2
    assert "no.eml" in result.stderr
