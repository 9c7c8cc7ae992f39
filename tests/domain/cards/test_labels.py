"""Every state has its words for everyone who reads it, in both languages."""

import re
from datetime import date
from pathlib import Path

import pytest

import webapp
from webapp.domain.cards import labels, overdue, states
from webapp.domain.cards.labels import CHIPS, STEP_WORDS, Audience, StepState, steps_of, words_for
from webapp.domain.cards.states import RECEIVER_WORDS, CardState, CardStatus
from webapp.domain.cards.tracking import files, number, reader

CATALOGUE = Path(webapp.__file__).parent / "translations/en/LC_MESSAGES/card.po"
NAME = re.compile(r"%\((\w+)\)s")


def catalogue() -> dict[str, str]:
    entries = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', CATALOGUE.read_text("utf-8"), re.MULTILINE)
    return {sentence.replace('\\"', '"'): english.replace('\\"', '"') for sentence, english in entries}


def sentences() -> set[str]:
    marked = re.compile(r"N_\(\s*(\"[^\"]+\")\s*\)")
    found = set()
    for module in (states, overdue, labels, files, number, reader):
        source = Path(module.__file__ or "").read_text("utf-8")
        found |= {text.strip('"') for text in marked.findall(source)}
        assert len(marked.findall(source)) == len(re.findall(r"(?<!`)N_\(", source)), module.__name__
    return found


def test_the_english_catalogue_says_each_sentence_and_no_other():
    assert sentences() == set(catalogue())


@pytest.mark.parametrize("sentence", sorted(catalogue()))
def test_the_english_keeps_the_parameters(sentence):
    english = catalogue()[sentence]
    assert english
    assert set(NAME.findall(sentence)) == set(NAME.findall(english))


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("state", CardState)
@pytest.mark.parametrize("until", [None, date(2026, 11, 27)])
def test_every_state_has_words_for_everyone(state, audience, until):
    known = CardState.POSTED if state is CardState.UNKNOWN else state
    words, parameters = words_for(CardStatus(state, known, kept_until=until), audience)
    assert words.happened and words.means
    assert set(NAME.findall(words.happened + words.means + words.do)) == set(parameters)
    assert words.do or state is CardState.ORDERED


@pytest.mark.parametrize("state", CardState)
def test_somebody_who_is_not_signed_in_learns_nothing_of_address_office_or_mail(state):
    known = CardState.POSTED if state is CardState.UNKNOWN else state
    words, parameters = words_for(CardStatus(state, known, kept_until=date(2026, 11, 27)), Audience.CONTACT)
    assert set(parameters) <= {"until"}
    assert not re.search(r"メール|番号は|氏名", words.happened + words.means + words.do)


def test_only_a_delivery_is_told_as_one():
    for state in CardState:
        known = CardState.POSTED if state is CardState.UNKNOWN else state
        line = steps_of(CardStatus(state, known))
        assert (line[-1][1] is StepState.DONE) == (state is CardState.DELIVERED)
        assert sum(step in (StepState.HERE, StepState.TROUBLE) for _, step in line) <= 1


def test_every_state_has_a_chip_with_a_shape_and_a_word():
    assert set(CHIPS) == set(CardState)
    assert set(STEP_WORDS) == set(StepState)
    assert len({word for _, word in CHIPS.values()}) == len(CHIPS)
    assert all(RECEIVER_WORDS.values())
