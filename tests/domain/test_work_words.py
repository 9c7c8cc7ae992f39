"""Every kind of work and of alarm says what it is and what to do, in words of its own."""

import pytest

from webapp.domain.alarms import AlarmKind
from webapp.domain.work_items import WorkItemKind
from webapp.domain.work_words import OTHER, alarm_words, item_words


@pytest.mark.parametrize("kind", list(WorkItemKind))
def test_work_has_words_of_its_own(kind):
    assert item_words(kind) is not OTHER


@pytest.mark.parametrize("kind", list(AlarmKind))
def test_an_alarm_has_words_of_its_own(kind):
    assert alarm_words(kind) is not OTHER
