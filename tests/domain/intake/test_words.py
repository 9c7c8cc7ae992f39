import ast
import re
from pathlib import Path

from babel.messages.pofile import read_po

import webapp

PACKAGE = Path(webapp.__file__).parent
CATALOGUE = PACKAGE / "translations/en/LC_MESSAGES/intake.po"


def marked_sentences() -> set[str]:
    return {
        ast.literal_eval(call.args[0])
        for folder in ("intake", "parsing")
        for file in (PACKAGE / "domain" / folder).glob("*.py")
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "N_"
    }


def test_every_sentence_of_intake_has_english_words_with_the_same_parameters():
    with CATALOGUE.open("rb") as file:
        english = {message.id: message.string for message in read_po(file) if message.id}
    sentences = marked_sentences()
    assert len(sentences) > 40
    assert sentences <= english.keys()
    for japanese, words in english.items():
        assert words
        assert set(re.findall(r"%\((\w+)\)s", japanese)) == set(re.findall(r"%\((\w+)\)s", words))
