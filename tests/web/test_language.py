"""Every Japanese sentence that a page can show has its English, and no English is left over."""

import ast
import re

import pytest
from babel.messages import pofile
from flask import Flask

from webapp import translations
from webapp.web import static_files

WEBAPP = translations.DIRECTORY.parent
MARKS = {"N_", "_", "gettext", "lazy_gettext", "ngettext", "say"}
PLACES = re.compile(r"%\(([a-z_]+)\)[sd]")


def python_sentences():
    """(file, sentence) of every marked literal in Python."""
    for path in sorted(WEBAPP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in MARKS:
                for argument in node.args[:2]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield path, argument.value


def template_sentences():
    """(file, sentence) of every marked literal in templates."""
    environment = Flask("webapp").jinja_env
    environment.add_extension("jinja2.ext.i18n")
    for path in sorted((WEBAPP / "templates").rglob("*.html")):
        for _, _, found in environment.extract_translations(path.read_text()):
            for sentence in found if isinstance(found, tuple) else (found,):
                if isinstance(sentence, str):
                    yield path, sentence


def catalogue_entries():
    """(file, Japanese, English or the forms of English) of every entry."""
    for path in translations.catalogues():
        with path.open("rb") as source:
            for message in pofile.read_po(source, locale="en", abort_invalid=True):
                if message.id:
                    japanese = message.id if isinstance(message.id, str) else message.id[0]
                    yield path, japanese, message.string, message.fuzzy


def test_each_sentence_has_its_english_and_each_english_its_sentence():
    used = {sentence for _, sentence in [*python_sentences(), *template_sentences()]}
    translated = {japanese for _, japanese, _, _ in catalogue_entries()}
    assert used - translated == set(), "no English"
    assert translated - used == set(), "no longer used"


def test_sentences_are_found_at_all():
    assert len({s for _, s in python_sentences()}) > 20 and len({s for _, s in template_sentences()}) > 15


def test_no_sentence_is_translated_twice():
    entries = [japanese for _, japanese, _, _ in catalogue_entries()]
    assert sorted(e for e in set(entries) if entries.count(e) > 1) == []


def test_english_is_complete_and_keeps_the_places_to_fill():
    for path, japanese, english, fuzzy in catalogue_entries():
        for form in english if isinstance(english, tuple) else (english,):
            assert form and not fuzzy, f"{path.name}: {japanese}"
            assert set(PLACES.findall(form)) == set(PLACES.findall(japanese)), f"{path.name}: {japanese}"


def test_pages_contain_no_unmarked_japanese():
    """A sentence in a template that is not marked would stay Japanese on the English page."""
    kana = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]+")
    for path in sorted((WEBAPP / "templates").rglob("*.html")):
        text = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", "", path.read_text(), flags=re.S)
        assert [word for word in kana.findall(text) if word not in ("日本語", "・")] == [], path


def test_catalogues_are_compiled_when_they_changed(tmp_path):
    folder = tmp_path / "en/LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "x.po").write_text('msgid ""\nmsgstr ""\n"Language: en\\n"\n\nmsgid "は"\nmsgstr "h"\n')
    assert [po.name for po in translations.compile_catalogues(tmp_path)] == ["x.po"]
    assert translations.compile_catalogues(tmp_path) == []
    assert (folder / "x.mo").stat().st_size > 0


@pytest.mark.parametrize("asked, given", [("en", "en"), ("ja", "ja"), ("fr,en;q=0.5", "en"), ("fr", "ja"), ("", "ja")])
def test_the_browser_is_believed_until_somebody_chooses(client, asked, given):
    assert f'<html lang="{given}"' in client.get("/", headers={"Accept-Language": asked}).text
    client.set_cookie("language", "xx")
    assert f'<html lang="{given}"' in client.get("/", headers={"Accept-Language": asked}).text, "a cookie of nonsense"


def test_the_stylesheet_brings_no_words():
    assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", static_files.build().style)
