"""Source reader and sample numbering across failures of the source."""

from __future__ import annotations

import threading
from queue import Empty, Queue

import numpy as np
import pytest

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.nodes.driver.source_reader import SampleNumbering, SourceReader
from myogestic_ros.sources.base import EndOfRecording

TIMEOUT_S = 20.0
INFO = StreamInfo('emg', 1000.0, ('a',))


def chunk(first, stamp_ns=0, samples=10):
    return Chunk(first, stamp_ns, 1000.0, np.ones((samples, 1), np.float32))


class Scripted:
    """A source that returns queued items and raises queued exceptions."""

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
        return self._next(self.opening, TIMEOUT_S)

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
    """A reader of a scripted source, and the callbacks it has called."""

    def __init__(self, pause_s=0.0):
        self.source = Scripted()
        self.calls = Queue()
        self.pause_s = pause_s
        self.reader = SourceReader(
            self.source,
            on_open=lambda info, late: self.calls.put(('open', late)),
            on_item=lambda item: self.calls.put(('item', item)),
            on_failure=self._fail,
            on_end=lambda: self.calls.put(('end', None)),
            on_waiting=lambda reason: self.calls.put(('waiting', reason)),
        )

    def _fail(self, error, failures):
        self.calls.put((str(error), failures))
        return self.pause_s

    def next(self):
        return self.calls.get(timeout=TIMEOUT_S)


@pytest.fixture
def run():
    run = Run()
    yield run
    run.source.opening.put(INFO)  # end a waiting open()
    assert run.reader.stop(TIMEOUT_S)
    assert run.source.closed


def test_start_returns_true_when_the_source_opens(run):
    run.source.opening.put(INFO)
    assert run.reader.start(TIMEOUT_S)
    assert run.next() == ('open', False)
    run.source.reading.put(chunk(0))
    assert run.next()[0] == 'item'


def test_start_raises_the_source_error_of_a_failed_open(run):
    run.source.opening.put(SourceError('Not there.'))
    with pytest.raises(SourceError, match=r'Not there\.'):
        run.reader.start(TIMEOUT_S)
    assert not run.reader.running


def test_start_wraps_other_exceptions_in_source_error(run):
    run.source.opening.put(ZeroDivisionError('x'))
    with pytest.raises(SourceError, match='cannot be opened: ZeroDivisionError'):
        run.reader.start(TIMEOUT_S)


def test_on_open_is_told_that_start_has_returned(run):
    assert not run.reader.start(0.01)
    run.source.opening.put(INFO)
    assert run.next() == ('open', True)


def test_a_failed_open_after_start_is_retried(run):
    assert not run.reader.start(0.01)
    for count in (1, 2):
        run.source.opening.put(SourceError('Not there.'))
        assert run.next() == ('Not there.', count)
    run.source.opening.put(INFO)
    assert run.next() == ('open', True)
    run.source.reading.put(chunk(0))
    assert run.next()[0] == 'item'
    run.source.reading.put(SourceError('Gone.'))
    assert run.next() == ('Gone.', 1)  # the count restarts after an item


def test_a_source_that_waits_is_opened_again_and_not_closed(run):
    for _ in range(3):
        run.source.opening.put(SourceWaiting('switch it on'))
    assert not run.reader.start(TIMEOUT_S)
    assert [run.next() for _ in range(3)] == [('waiting', 'switch it on')] * 3
    run.source.opening.put(INFO)
    assert run.next() == ('open', True)
    run.source.reading.put(SourceWaiting('it will dial again'))
    assert run.next() == ('waiting', 'it will dial again')
    assert run.source.closed == 0
    run.source.opening.put(SourceError('Not a device.'))
    assert run.next() == ('Not a device.', 1)  # waiting is not a failed attempt
    assert run.source.closed == 1


def test_stop_interrupts_a_source_that_can_be_interrupted(run):
    run.source.interrupt = lambda: run.source.opening.put(SourceError('Interrupted.'))
    assert not run.reader.start(0.01)
    assert run.reader.stop(TIMEOUT_S)
    assert run.calls.empty()


def test_stop_works_when_the_interruption_fails(run):
    run.source.interrupt = lambda: 1 / 0
    run.source.opening.put(INFO)
    run.reader.start(TIMEOUT_S)
    assert run.reader.stop(TIMEOUT_S)


def test_the_run_ends_when_on_failure_returns_none(run):
    run.pause_s = None
    run.source.opening.put(INFO)
    run.reader.start(TIMEOUT_S)
    run.next()
    run.source.reading.put(SourceError('Gone.'))
    assert run.next() == ('Gone.', 1)
    run.reader._thread.join(TIMEOUT_S)
    assert not run.reader.running


def test_stop_interrupts_the_pause_before_a_retry(run):
    run.pause_s = 3600.0
    run.source.opening.put(INFO)
    run.reader.start(TIMEOUT_S)
    run.next()
    run.source.reading.put(SourceError('Gone.'))
    run.next()
    assert run.reader.stop(TIMEOUT_S)


def test_on_end_is_called_at_the_end_of_a_recording(run):
    run.source.opening.put(INFO)
    run.reader.start(TIMEOUT_S)
    run.next()
    run.source.reading.put(EndOfRecording())
    assert run.next() == ('end', None)


def test_stop_returns_false_while_the_source_hangs(run):
    assert not run.reader.start(0.01)
    assert not run.reader.stop(0.01)
    assert run.reader.running
    run.source.opening.put(INFO)
    assert run.reader.stop(TIMEOUT_S)
    assert run.calls.empty()  # no callback after stop


def test_no_item_is_delivered_after_stop(run):
    run.source.opening.put(INFO)
    run.reader.start(TIMEOUT_S)
    run.next()
    threading.Timer(0.02, run.source.reading.put, (chunk(0),)).start()
    assert run.reader.stop(TIMEOUT_S)
    assert run.calls.empty()


def test_sample_indices_continue_after_a_reconnect():
    numbering = SampleNumbering()
    numbering.on_open(10**9)
    assert numbering.renumber(chunk(0)).first_sample == 0
    assert numbering.renumber(chunk(10, 10_000_000)).stamp_ns == 10**9 + 10_000_000
    assert numbering.lost == 0
    assert numbering.renumber(chunk(25, 25_000_000)).first_sample == 25
    assert numbering.lost == 5
    numbering.on_open(2 * 10**9)  # its last sample was at 1.034 s
    published = numbering.renumber(chunk(0))
    assert (published.first_sample, published.stamp_ns) == (1000, 2 * 10**9)
    assert numbering.lost == 5 + 965
    assert numbering.renumber(chunk(10, 10_000_000)).first_sample == 1010
    assert numbering.stamp_ns(Label(7, 0)) == 2 * 10**9 + 7


def test_a_reconnect_skips_at_least_one_sample():
    numbering = SampleNumbering()
    numbering.on_open(0)
    numbering.renumber(chunk(0))
    numbering.on_open(10_000_000)
    assert numbering.renumber(chunk(0)).first_sample == 11
    numbering.on_open(0)  # a clock that was set back
    assert numbering.renumber(chunk(0)).first_sample == 22
