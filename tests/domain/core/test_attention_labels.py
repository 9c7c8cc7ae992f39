"""Every kind of work and of alarm says what it is and what to do, in words of its own."""

import pytest

from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.attention_labels import OTHER, alarm_words, item_words
from webapp.domain.core.work_items import WorkItemKind


@pytest.mark.parametrize("kind", list(WorkItemKind))
def test_work_has_words_of_its_own(kind):
    assert item_words(kind) is not OTHER


@pytest.mark.parametrize("kind", list(AlarmKind))
def test_an_alarm_has_words_of_its_own(kind):
    assert alarm_words(kind) is not OTHER
