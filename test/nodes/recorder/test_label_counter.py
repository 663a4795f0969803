"""How set_label numbers classes and repetitions."""

from __future__ import annotations

import pytest

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import NO_CLASS, Label
from myogestic_ros.nodes.recorder.label_counter import LabelCounter


def said(book, *names):
    """Return index and repetition of each label."""
    return [(label.index, label.repetition) for label in (book.label(n, 5) for n in names)]


def test_classes_are_numbered_as_given_and_no_other_is_known():
    book = LabelCounter()
    book.set_classes(['', 'rest', 'fist'])
    assert said(book, 'fist', 'rest', 'fist', '') == [(1, 0), (0, 0), (1, 1), (NO_CLASS, -1)]
    with pytest.raises(SessionError, match="There is no class 'wave'; there are: rest, fist"):
        book.label('wave', 0)


def test_without_given_ones_classes_are_numbered_in_the_order_of_their_use():
    book = LabelCounter()
    book.set_classes([''])
    assert said(book, 'fist', 'open', 'fist') == [(0, 0), (1, 0), (0, 1)]
    book.set_classes([''])  # another session: the same numbers
    assert book.names == ['fist', 'open']
    book.set_classes(['open', 'wave'])
    book.begin_session(None)
    assert said(book, 'wave') == [(1, 0)]
    book.set_classes([])
    assert book.names == []


def test_each_session_counts_from_0_after_what_holds_already():
    book = LabelCounter()
    said(book, 'fist', 'open', 'fist')
    book.begin_session(None)
    assert said(book, 'fist') == [(0, 0)]
    book.begin_session(Label(0, 0, 'fist', 0))  # it was set before the recording began
    assert said(book, 'open', 'fist') == [(1, 0), (0, 1)]
    book.begin_session(Label(0, NO_CLASS))
    book.begin_session(Label(0, 1, 'open', -1))  # not numbered by who said it
    assert said(book, 'open') == [(1, 0)]
