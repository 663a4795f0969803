"""The driver node: samples from a device, a simulation or a recording, as EmgFrame."""

from __future__ import annotations

import threading
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from myogestic_ros.core.errors import MyoGesticError, SourceError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, Label, StreamFacts
from myogestic_ros.msg import EmgFrame, StreamInfo
from myogestic_ros.msg import Label as LabelMessage
from myogestic_ros.nodes import qos
from myogestic_ros.nodes.conversions import (
    chunk_to_ros,
    label_from_ros,
    label_to_ros,
    stream_facts_to_ros,
)
from myogestic_ros.nodes.diagnostics import Diagnostics
from myogestic_ros.nodes.managed import ManagedNode
from myogestic_ros.nodes.run import run
from myogestic_ros.sources.base import EndOfRecording, Source
from myogestic_ros.sources.registry import source_factory, source_names

__all__ = ['DRIVER', 'DriverNode', 'main']

DRIVER = (
    Parameter('source', 'synthetic', 'Where samples come from: synthetic, replay, or another.'),
    Parameter('frame_id', 'emg', "The electrode set: frame_id of every frame's header."),
    Parameter(
        'attempt_reconnect',
        True,
        'Whether to open the source again when it fails while streaming.',
    ),
    Parameter(
        'dormant_period_between_reconnects',
        1.0,
        'Time between two attempts to reconnect, s.',
        minimum=0.01,
        maximum=3600.0,
    ),
    Parameter(
        'max_failed_reconnect_attempts',
        60,
        'So many failed attempts in a row end streaming.',
        minimum=1,
        maximum=1000000,
    ),
)

READ_TIMEOUT_S = 0.1
OPEN_WITHIN_S = 0.08
"""A source that takes longer to open opens on while activation has been answered."""


class DriverNode(ManagedNode):
    """Stream samples from a source.

    ACTIVE means streaming; otherwise the device is released.

    Parameters
    ----------
    See `DRIVER` and ``config/driver.yaml``; those of a source are ``<source>.<parameter>``.

    Topics
    ------
    emg : EmgFrame, published
    emg/info : StreamInfo, published, latched
    label : Label, published by a source that has labels (replay), else subscribed
        A synthetic array answers it with the right contraction.
    ~/status : NodeStatus, published, latched
    /diagnostics : DiagnosticArray, published at 1 Hz
    """

    verb = 'streaming'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('driver', **kwargs)
        self.declare_table(DRIVER)
        for name in source_names():
            try:
                self.declare_table(source_factory(name).PARAMETERS, f'{name}.')
            except SourceError as error:
                self.get_logger().warning(str(error))
        self._source: Source | None = None
        self._reader: threading.Thread | None = None
        self._stop = threading.Event()
        # From the beginning, so that who listens is known before the first frame leaves.
        self._frames = self.create_publisher(EmgFrame, 'emg', qos.EMG)
        self._info = self.create_publisher(StreamInfo, 'emg/info', qos.INFO)
        self._labels: Any = None
        self._label_input: Any = None
        self._counts = {'frames': 0, 'samples': 0, 'lost samples': 0, 'reconnects': 0}
        self._last = (time.monotonic(), 0, 0)
        self._rate = 0.0
        self._diagnostics = Diagnostics(self, 'driver', self._collect)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Make the source; nothing is opened."""
        self._make_source()
        if getattr(self._source, 'HAS_LABELS', False):
            self._labels = self.create_publisher(LabelMessage, 'label', qos.LABEL)
        else:
            self._label_input = self.create_subscription(
                LabelMessage, 'label', self._on_label, qos.LABEL_INPUT
            )
        self.status_message = f"Source '{self.get_parameter('source').value}' is ready."

    def _make_source(self) -> None:
        name = self.get_parameter('source').value
        factory = source_factory(name)
        self._source = factory(self.values(factory.PARAMETERS, f'{name}.'))

    def activate(self) -> None:
        """Open the source and stream from a thread of its own."""
        self._make_source()  # parameters may have changed since
        self._stop.clear()
        opened: list[StreamFacts | Exception] = []
        done = threading.Event()
        self._reader = threading.Thread(
            target=self._read, args=(opened, done), name='reader', daemon=True
        )
        self._reader.start()
        done.wait(OPEN_WITHIN_S)
        if opened and isinstance(opened[0], Exception):
            self._reader.join()
            raise opened[0]
        self.status_message = 'Streaming.' if opened else 'Opening the source.'

    def deactivate(self) -> None:
        """Stop streaming and release the device."""
        self._stop.set()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(5.0)
        self._reader = None
        self.status_message = 'Stopped streaming.'

    def cleanup(self) -> None:
        """Forget the source."""
        self.deactivate()
        self._source = None
        if self._label_input is not None:
            self.destroy_subscription(self._label_input)
            self._label_input = None
        if self._labels is not None:
            self.destroy_publisher(self._labels)
            self._labels = None

    # -- labels -------------------------------------------------------------------------------

    def _on_label(self, message: LabelMessage) -> None:
        if self._source is not None:
            self._source.set_label(label_from_ros(message))

    def _publish_label(self, label: Label, start_ns: int) -> None:
        if self._labels is None:
            return  # the source does not say that it has labels
        stamped = Label(start_ns + label.stamp_ns, label.index, label.name, label.repetition)
        self._labels.publish(label_to_ros(stamped))

    # -- the reader thread --------------------------------------------------------------------

    def _read(self, opened: list[StreamFacts | Exception], done: threading.Event) -> None:
        """Read until stopped, opening the source again when it fails."""
        source = self._source
        assert source is not None
        failures = 0
        expected: int | None = None
        while not self._stop.is_set():
            try:
                facts = source.open()
                start_ns = self.get_clock().now().nanoseconds
                self._info.publish(stream_facts_to_ros(facts, start_ns, self._frame_id))
                if not done.is_set():
                    opened.append(facts)
                    done.set()
                else:
                    self.say('Streaming again.' if expected is not None else 'Streaming.')
                while not self._stop.is_set():
                    item = source.read(READ_TIMEOUT_S)
                    if item is None:
                        continue
                    failures = 0
                    if isinstance(item, Label):
                        self._publish_label(item, start_ns)
                    else:
                        expected = self._publish_chunk(item, start_ns, expected)
            except EndOfRecording:
                self._finish('The recording has ended.', error=False)
                break
            except Exception as error:
                sentence = str(error) if isinstance(error, MyoGesticError) else repr(error)
                if not isinstance(error, MyoGesticError):  # no device does that: a fault of ours
                    self.get_logger().error(traceback.format_exc(), throttle_duration_sec=10.0)
                if not done.is_set():
                    opened.append(
                        error if isinstance(error, SourceError) else SourceError(sentence)
                    )
                    done.set()
                    break
                failures += 1
                source.close()
                if not self._wait_for_reconnect(sentence, failures):
                    break
                expected = None
            finally:
                if self._stop.is_set():
                    source.close()
        source.close()
        done.set()

    @property
    def _frame_id(self) -> str:
        return str(self.get_parameter('frame_id').value)

    def _wait_for_reconnect(self, sentence: str, failures: int) -> bool:
        """Report a failure; wait, and return whether to try again."""
        most = self.get_parameter('max_failed_reconnect_attempts').value
        if not self.get_parameter('attempt_reconnect').value:
            self._finish(f'Stopped streaming: {sentence}')
            return False
        if failures > most:
            self._finish(f'Stopped streaming after {most} attempts to reconnect: {sentence}')
            return False
        self._counts['reconnects'] += 1
        pause_s = self.get_parameter('dormant_period_between_reconnects').value
        self.get_logger().warning(f'{sentence} Opening the source again in {pause_s:g} s.')
        self.say(f'{sentence} Attempt {failures} of {most} to reconnect in {pause_s:g} s.')
        return not self._stop.wait(pause_s)

    def _finish(self, reason: str, *, error: bool = True) -> None:
        if not self._stop.is_set():
            self.give_up(reason, error=error)

    def _publish_chunk(self, chunk: Chunk, start_ns: int, expected: int | None) -> int:
        stamped = Chunk(
            chunk.first_sample, start_ns + chunk.stamp_ns, chunk.sampling_rate, chunk.data
        )
        self._frames.publish(chunk_to_ros(stamped, self._frame_id))
        self._counts['frames'] += 1
        self._counts['samples'] += chunk.n_samples
        if expected is not None and chunk.first_sample > expected:
            self._counts['lost samples'] += chunk.first_sample - expected
        return chunk.end_sample

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        then, frames, samples = self._last
        now = time.monotonic()
        self._last = (now, self._counts['frames'], self._counts['samples'])
        elapsed = max(1e-3, now - then)
        facts = {
            'state': self.phase,
            'source': str(self.get_parameter('source').value),
            'frame rate [Hz]': f'{(self._counts["frames"] - frames) / elapsed:.1f}',
            'sample rate [Hz]': f'{(self._counts["samples"] - samples) / elapsed:.1f}',
            **{name: str(count) for name, count in self._counts.items()},
        }
        if self.phase == 'active' and self._counts['frames'] == frames:
            return DiagnosticStatus.WARN, self.status_message or 'no samples', facts
        return DiagnosticStatus.OK, self.status_message, facts


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(DriverNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
