"""Class indices and repetition numbers of set_label."""

from __future__ import annotations

import pytest

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS, Label
from myogestic_ros.nodes.recorder.label_counter import LabelCounter


def labels(counter, *names):
    """Return index and repetition of each label."""
    return [(label.index, label.repetition) for label in (counter.label(n, 5) for n in names)]


def test_given_classes_have_their_order_and_others_are_refused():
    counter = LabelCounter()
    counter.set_classes(['', 'rest', 'fist'])
    assert labels(counter, 'fist', 'rest', 'fist', '') == [(1, 0), (0, 0), (1, 1), (NO_CLASS, -1)]
    with pytest.raises(SessionError, match="Unknown class 'wave', expected one of: rest, fist"):
        counter.label('wave', 0)


def test_classes_are_numbered_in_order_of_use_if_none_are_given():
    counter = LabelCounter()
    counter.set_classes([''])
    assert labels(counter, 'fist', 'open', 'fist') == [(0, 0), (1, 0), (0, 1)]
    counter.set_classes([''])  # the next session keeps the indices
    assert counter.names == ['fist', 'open']
    counter.set_classes(['open', 'wave'])
    counter.begin_session(None)
    assert labels(counter, 'wave') == [(1, 0)]
    counter.set_classes([])
    assert counter.names == []


def test_repetitions_count_from_0_in_each_session_after_the_current_label():
    counter = LabelCounter()
    labels(counter, 'fist', 'open', 'fist')
    counter.begin_session(None)
    assert labels(counter, 'fist') == [(0, 0)]
    counter.begin_session(Label(0, 0, 'fist', 0))  # set before the recording began
    assert labels(counter, 'open', 'fist') == [(1, 0), (0, 1)]
    counter.begin_session(Label(0, NO_CLASS))
    counter.begin_session(Label(0, 1, 'open', -1))  # not numbered by its publisher
    assert labels(counter, 'open') == [(1, 0)]
