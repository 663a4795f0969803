"""Reading a source, and numbering what it gives, over its failures."""

from __future__ import annotations

import threading
from queue import Empty, Queue

import numpy as np
import pytest

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.nodes.driver.source_reader import Outgoing, SourceReader
from myogestic_ros.sources.base import EndOfRecording

PATIENCE_S = 20.0
FACTS = StreamInfo('emg', 1000.0, ('a',))


def chunk(first, stamp_ns=0, samples=10):
    return Chunk(first, stamp_ns, 1000.0, np.ones((samples, 1), np.float32))


class Scripted:
    """A source that opens and reads as the test says: an exception is raised, else returned."""

    def __init__(self):
        self.opening = Queue()
        self.reading = Queue()
        self.closed = 0

    @staticmethod
    def _next(queue, timeout_s):
        item = queue.get(timeout=timeout_s)
        if isinstance(item, Exception):
            raise item
        return item

    def open(self):
        return self._next(self.opening, PATIENCE_S)

    def read(self, timeout_s):
        try:
            return self._next(self.reading, timeout_s)
        except Empty:
            return None

    def set_label(self, label):
        pass

    def close(self):
        self.closed += 1


class Run:
    """A reader of a scripted source, and what it told."""

    def __init__(self, pause_s=0.0):
        self.source = Scripted()
        self.told = Queue()
        self.pause_s = pause_s
        self.reader = SourceReader(
            self.source,
            on_open=lambda info, late: self.told.put(('open', late)),
            on_item=lambda item: self.told.put(('item', item)),
            on_failure=self._fail,
            on_end=lambda: self.told.put(('end', None)),
        )

    def _fail(self, error, failures):
        self.told.put((str(error), failures))
        return self.pause_s

    def next(self):
        return self.told.get(timeout=PATIENCE_S)


@pytest.fixture
def run():
    run = Run()
    yield run
    run.source.opening.put(FACTS)  # let go of whatever it waits for
    assert run.reader.stop(PATIENCE_S)
    assert run.source.closed


def test_a_source_that_opens_at_once(run):
    run.source.opening.put(FACTS)
    assert run.reader.start(PATIENCE_S)
    assert run.next() == ('open', False)
    run.source.reading.put(chunk(0))
    assert run.next()[0] == 'item'


def test_a_source_that_fails_at_once_refuses(run):
    run.source.opening.put(SourceError('Not there.'))
    with pytest.raises(SourceError, match=r'Not there\.'):
        run.reader.start(PATIENCE_S)
    assert not run.reader.running


def test_a_fault_in_a_source_is_a_refusal_too(run):
    run.source.opening.put(ZeroDivisionError('x'))
    with pytest.raises(SourceError, match='cannot be opened: ZeroDivisionError'):
        run.reader.start(PATIENCE_S)


def test_a_source_that_opens_late_is_told(run):
    assert not run.reader.start(0.01)
    run.source.opening.put(FACTS)
    assert run.next() == ('open', True)


def test_a_source_that_fails_late_is_tried_again(run):
    assert not run.reader.start(0.01)
    for count in (1, 2):
        run.source.opening.put(SourceError('Not there.'))
        assert run.next() == ('Not there.', count)
    run.source.opening.put(FACTS)
    assert run.next() == ('open', True)
    run.source.reading.put(chunk(0))
    assert run.next()[0] == 'item'
    run.source.reading.put(SourceError('Gone.'))
    assert run.next() == ('Gone.', 1)  # counted anew after samples have come


def test_it_ends_when_told_to(run):
    run.pause_s = None
    run.source.opening.put(FACTS)
    run.reader.start(PATIENCE_S)
    run.next()
    run.source.reading.put(SourceError('Gone.'))
    assert run.next() == ('Gone.', 1)
    run.reader._thread.join(PATIENCE_S)
    assert not run.reader.running


def test_the_pause_is_cut_short_by_stop(run):
    run.pause_s = 3600.0
    run.source.opening.put(FACTS)
    run.reader.start(PATIENCE_S)
    run.next()
    run.source.reading.put(SourceError('Gone.'))
    run.next()
    assert run.reader.stop(PATIENCE_S)


def test_a_recording_ends(run):
    run.source.opening.put(FACTS)
    run.reader.start(PATIENCE_S)
    run.next()
    run.source.reading.put(EndOfRecording())
    assert run.next() == ('end', None)


def test_a_source_that_hangs_is_said_not_to_be_released(run):
    assert not run.reader.start(0.01)
    assert not run.reader.stop(0.01)
    assert run.reader.running
    run.source.opening.put(FACTS)
    assert run.reader.stop(PATIENCE_S)
    assert run.told.empty()  # what came after the stop went nowhere


def test_nothing_is_handed_on_after_stop(run):
    run.source.opening.put(FACTS)
    run.reader.start(PATIENCE_S)
    run.next()
    threading.Timer(0.02, run.source.reading.put, (chunk(0),)).start()
    assert run.reader.stop(PATIENCE_S)
    assert run.told.empty()


def test_one_count_over_reconnects():
    outgoing = Outgoing()
    outgoing.opened(10**9)
    assert outgoing.number(chunk(0)).first_sample == 0
    assert outgoing.number(chunk(10, 10_000_000)).stamp_ns == 10**9 + 10_000_000
    assert outgoing.lost == 0
    assert outgoing.number(chunk(25, 25_000_000)).first_sample == 25
    assert outgoing.lost == 5
    outgoing.opened(2 * 10**9)  # its last sample was at 1.034 s
    sent = outgoing.number(chunk(0))
    assert (sent.first_sample, sent.stamp_ns) == (1000, 2 * 10**9)
    assert outgoing.lost == 5 + 965
    assert outgoing.number(chunk(10, 10_000_000)).first_sample == 1010
    assert outgoing.stamp_ns(Label(7, 0)) == 2 * 10**9 + 7


def test_a_reconnect_is_never_taken_for_no_gap():
    outgoing = Outgoing()
    outgoing.opened(0)
    outgoing.number(chunk(0))
    outgoing.opened(10_000_000)
    assert outgoing.number(chunk(0)).first_sample == 11
    outgoing.opened(0)  # a clock that was set back
    assert outgoing.number(chunk(0)).first_sample == 22
