"""Fake devices as separate processes, and sources that are read as the driver reads them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np

from myogestic_ros.core.signals import Chunk
from myogestic_ros.nodes.driver.source_reader import SourceReader
from myogestic_ros.sources.fakes.signals import PATTERN_VALUES, SAMPLE_STEP, pattern
from support.graph import PATIENCE_S
from support.processes import until

LOST = re.compile(r'lost (\d+) samples at (\d+)')


class FakeDevice:
    """A running `myogestic fake`, and the lines that it has printed."""

    def __init__(self, name, *arguments):
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'myogestic_ros.cli', 'fake', name, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait(self, text):
        """Wait until it has printed a line that contains a text; return the line."""
        until(lambda: any(text in line for line in self.lines) or self._dead(), PATIENCE_S)
        return next(line for line in self.lines if text in line)

    def _dead(self):
        assert self.process.poll() is None, self.lines
        return False

    @property
    def port(self):
        """Port on which it listens."""
        return int(self.wait('listening on port').rpartition(' ')[2])

    def lost(self):
        """Return (device's index, number) of each loss; losses that touch are one."""
        merged = []
        for line in list(self.lines):
            match = LOST.search(line)
            if match:
                count, at = int(match[1]), int(match[2])
                if merged and sum(merged[-1]) == at:
                    merged[-1] = (merged[-1][0], merged[-1][1] + count)
                else:
                    merged.append((at, count))
        return merged

    def stop(self, number=signal.SIGINT):
        """End it; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        self.process.stdout.close()
        return self.process.returncode


@contextmanager
def fake_device(name, *arguments):
    """Start a fake device and end it at the exit of the context."""
    device = FakeDevice(name, *arguments)
    try:
        yield device
    finally:
        device.stop()


class Reading:
    """A source that is read by the driver's reader, and what came from it."""

    def __init__(self, source, pause_s=0.05):
        self.source = source
        self.infos, self.items, self.waiting, self.failures = [], [], [], []
        self.opened_at = []  # number of items before each opening
        self.ages_s = []  # of the newest sample of each chunk when it is read
        self.pause_s = pause_s
        self.reader = SourceReader(
            source,
            on_open=self._on_open,
            on_item=self._on_item,
            on_failure=self._on_failure,
            on_end=lambda: None,
            on_waiting=self.waiting.append,
        )

    def _on_open(self, info, late):
        self.infos.append(info)
        self.opened_at.append(len(self.items))

    def _on_item(self, item):
        if isinstance(item, Chunk) and not item.stream:
            newest_s = item.stamp_ns * 1e-9 + (item.n_samples - 1) / item.sampling_rate
            self.ages_s.append(time.monotonic() - self.source.origin_s - newest_s)
        self.items.append(item)

    def _on_failure(self, error, failures):
        self.failures.append(error)
        return self.pause_s

    def until(self, condition, seconds=PATIENCE_S):
        """Wait until a condition holds."""
        end_s = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end_s, (self.waiting[-3:], self.failures[-3:])
            assert self.reader.running, self.failures
            time.sleep(0.01)

    def chunks(self, stream='', connection=None):
        """Return the chunks of a stream, of one connection (a number) or of all."""
        bounds = [*self.opened_at, len(self.items)]
        items = self.items
        if connection is not None:
            items = items[bounds[connection] : bounds[connection + 1]]
        return [item for item in items if isinstance(item, Chunk) and item.stream == stream]

    def labels(self):
        """Return the labels."""
        return [item for item in self.items if not isinstance(item, Chunk)]


@contextmanager
def reading(source, **kwargs):
    """Read a source until the exit of the context."""
    run = Reading(source, **kwargs)
    run.reader.start(0.0)
    try:
        yield run
    finally:
        assert run.reader.stop(PATIENCE_S)


def gaps(chunks):
    """Return (index of the first missing sample, number) of each hole."""
    return [
        (before.end_sample, after.first_sample - before.end_sample)
        for before, after in zip(chunks, chunks[1:], strict=False)
        if after.first_sample != before.end_sample
    ]


def check_pattern(chunks, volt_per_count, columns=None):
    """Check every sample against the pattern; return the device's index of sample 0, mod 2001."""
    columns = np.arange(chunks[0].n_channels) if columns is None else np.asarray(columns)
    inverse = pow(SAMPLE_STEP, -1, PATTERN_VALUES)
    origin = None
    for chunk in chunks:
        counts = np.rint(chunk.data.astype(np.float64) / volt_per_count).astype(int)
        np.testing.assert_allclose(chunk.data, counts * volt_per_count, rtol=1e-6, atol=1e-15)
        zero = counts[0, 0] + PATTERN_VALUES // 2 - 11 * columns[0]
        at = zero * inverse % PATTERN_VALUES
        here = (at - chunk.first_sample) % PATTERN_VALUES
        assert origin is None or here == origin, 'the numbering is wrong'
        origin = here
        samples = at + np.arange(chunk.n_samples)[:, None]
        assert np.array_equal(counts, pattern(samples, columns[None])), 'the samples are wrong'
    return origin


def check_stamps(chunks):
    """Check that stamps increase, and keep the distances of the samples nearly."""
    stamps_s = np.array([chunk.stamp_ns for chunk in chunks]) * 1e-9
    assert (np.diff(stamps_s) > 0).all()
    ideal_s = np.array([chunk.first_sample for chunk in chunks]) / chunks[0].sampling_rate
    assert np.ptp(stamps_s - ideal_s) < 0.5


def check_losses(chunks, lost):
    """Check that the holes are the losses that the device reports, each at its place.

    ``lost`` is in the numbering of the device, whose beginning is unknown here.
    """
    found = gaps(chunks)
    assert found
    n = len(found)
    for start in range(len(lost) - n + 1):
        part = lost[start : start + n]
        if {at - place for (at, _), (place, _) in zip(part, found, strict=True)} == {
            part[0][0] - found[0][0]
        } and [count for _, count in part] == [count for _, count in found]:
            return
    raise AssertionError(f'{found} is not a part of {lost}')
