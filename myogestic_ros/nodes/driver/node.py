"""The driver node: samples from a device, a simulation or a recording, as EmgFrame."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from myogestic_ros.core.errors import MyoGesticError, SourceError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, Label, StreamInfo
from myogestic_ros.msg import EmgFrame
from myogestic_ros.msg import Label as LabelMessage
from myogestic_ros.msg import StreamInfo as StreamInfoMessage
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import (
    chunk_to_ros,
    label_from_ros,
    label_to_ros,
    stream_info_to_ros,
)
from myogestic_ros.nodes.common.diagnostics import Diagnostics
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode
from myogestic_ros.nodes.common.main import run
from myogestic_ros.nodes.driver.source_reader import Outgoing, SourceReader
from myogestic_ros.sources.base import Source
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

DISCOVERY_S = 0.5
OPEN_WITHIN_S = 0.08
"""A source that takes longer to open opens on while activation has been answered."""
RELEASE_WITHIN_S = 0.08
"""A source that takes longer to release goes on while deactivation has been answered."""
RELEASE_AT_END_S = 5.0


class DriverNode(ManagedNode):
    """Stream samples from a source.

    ACTIVE means streaming; otherwise the device is released.

    Parameters
    ----------
    See `DRIVER` and ``config/driver.yaml``; those of a source are ``<source>.<parameter>``.

    Topics
    ------
    emg : EmgFrame, published
    emg/info : StreamInfoMessage, published, latched
    label : Label, published by a source that has labels (replay), else subscribed
        A synthetic array answers it with the right contraction.
    ~/status : NodeStatus, published, latched
    /diagnostics : DiagnosticArray, published at 1 Hz
    """

    active_state = 'streaming'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('driver', **kwargs)
        self.declare_table(DRIVER)
        for name in source_names():
            try:
                self.declare_table(source_factory(name).PARAMETERS, f'{name}.')
            except SourceError as error:
                self.get_logger().warning(str(error))
        self._source: Source | None = None
        self._reader: SourceReader | None = None
        self._outgoing = Outgoing()
        # From the beginning, so that who listens is known before the first frame leaves.
        self._frames = self.create_publisher(EmgFrame, 'emg', qos.EMG)
        self._info = self.create_publisher(StreamInfoMessage, 'emg/info', qos.INFO)
        self._label_output: Any = None
        self._label_input: Any = None
        self._label: Label | None = None
        self._counts = {'frames': 0, 'samples': 0, 'reconnects': 0}
        self._lost_before = 0
        self._published_s = 0.0
        self._longest_pause_s = 0.0
        self._last = (time.monotonic(), 0, 0)
        self._diagnostics = Diagnostics(self, 'driver', self._collect)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Make the source; nothing is opened."""
        self._make_source()
        self.status_message = f"Source '{self.get_parameter('source').value}' is ready."

    def _make_source(self) -> Source:
        name = self.get_parameter('source').value
        factory = source_factory(name)
        self._source = factory(self.parameter_values(factory.PARAMETERS, f'{name}.'))
        self._connect_labels(published=getattr(self._source, 'HAS_LABELS', False))
        if self._label is not None:  # it holds until the next one
            self._source.set_label(self._label)
        return self._source

    def activate(self) -> None:
        """Open the source and stream from a thread of its own."""
        if self._reader is not None and self._reader.running:
            raise SourceError('The source is still being released; try again in a moment.')
        self._lost_before += self._outgoing.lost
        self._outgoing = Outgoing()
        self._reader = SourceReader(
            self._make_source(),  # parameters may have changed since
            on_open=self._on_open,
            on_item=self._on_item,
            on_failure=self._on_failure,
            on_end=lambda: self.request_deactivation('The recording has ended.', error=False),
        )
        self.status_message = 'Opening the source.'
        self._published_s = time.monotonic()
        if self._reader.start(OPEN_WITHIN_S):
            self.status_message = 'Streaming.'

    def deactivate(self) -> None:
        """Stop streaming and release the device."""
        within_s = RELEASE_AT_END_S if self.shutting_down else RELEASE_WITHIN_S
        if self._reader is None or self._reader.stop(within_s):
            self.status_message = 'Stopped streaming.'
        else:
            self.status_message = 'Stopped streaming; the source is still being released.'

    def cleanup(self) -> None:
        """Forget the source."""
        self.deactivate()
        self._source = None
        self._connect_labels(published=None)

    # -- labels -------------------------------------------------------------------------------

    def _connect_labels(self, *, published: bool | None) -> None:
        """Publish labels, or listen to them; neither for None."""
        if self._label_output is not None and not published:
            self.destroy_publisher(self._label_output)
            self._label_output = None
        if self._label_input is not None and published is not False:
            self.destroy_subscription(self._label_input)
            self._label_input = None
        if published and self._label_output is None:
            self._label_output = self.create_publisher(LabelMessage, 'label', qos.LABEL)
        if published is False and self._label_input is None:
            self._label_input = self.create_subscription(
                LabelMessage, 'label', self._on_label, qos.LABEL_INPUT
            )

    def _on_label(self, message: LabelMessage) -> None:
        self._label = label_from_ros(message)
        if self._source is not None:
            self._source.set_label(self._label)

    # -- from the reader's thread -------------------------------------------------------------

    def _on_open(self, info: StreamInfo, late: bool) -> None:
        start_ns = self.get_clock().now().nanoseconds
        if not late:
            self._wait_for_listeners()
        self._outgoing.opened(start_ns)
        self._info.publish(stream_info_to_ros(info, start_ns, self._frame_id))
        if late:
            self.set_status('Streaming.')

    def _wait_for_listeners(self) -> None:
        """Wait a moment for the subscribers that are known: what they are sent before is lost."""
        end_s = time.monotonic() + DISCOVERY_S
        known = self.count_subscribers(self._frames.topic_name)
        while self._frames.get_subscription_count() < known and time.monotonic() < end_s:
            time.sleep(0.005)

    def _on_item(self, item: Chunk | Label) -> None:
        if isinstance(item, Label):
            if self._label_output is not None:  # else the source does not say that it has any
                stamp_ns = self._outgoing.stamp_ns(item)
                self._label_output.publish(label_to_ros(replace(item, stamp_ns=stamp_ns)))
            return
        self._frames.publish(chunk_to_ros(self._outgoing.number(item), self._frame_id))
        now_s = time.monotonic()
        self._longest_pause_s = max(self._longest_pause_s, now_s - self._published_s)
        self._published_s = now_s
        self._counts['frames'] += 1
        self._counts['samples'] += item.n_samples

    def _on_failure(self, error: Exception, failures: int) -> float | None:
        """Report a failure; return how long to wait before the next attempt, or None."""
        sentence = str(error) if isinstance(error, MyoGesticError) else f'{error!r}.'
        if not isinstance(error, MyoGesticError):  # no device does that: a fault of ours
            trace = ''.join(traceback.format_exception(error))
            self.get_logger().error(trace, throttle_duration_sec=10.0)
        most = self.get_parameter('max_failed_reconnect_attempts').value
        if not self.get_parameter('attempt_reconnect').value:
            self.request_deactivation(f'Stopped streaming: {sentence}')
            return None
        if failures > most:
            self.request_deactivation(
                f'Stopped streaming after {most} attempts to reconnect: {sentence}'
            )
            return None
        self._counts['reconnects'] += 1
        pause_s = float(self.get_parameter('dormant_period_between_reconnects').value)
        self.get_logger().warning(f'{sentence} Opening the source again in {pause_s:g} s.')
        self.set_status(f'{sentence} Attempt {failures} of {most} to reconnect in {pause_s:g} s.')
        return pause_s

    @property
    def _frame_id(self) -> str:
        return str(self.get_parameter('frame_id').value)

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        then, frames, samples = self._last
        now = time.monotonic()
        self._last = (now, self._counts['frames'], self._counts['samples'])
        elapsed = max(1e-3, now - then)
        info = {
            'state': self.lifecycle_state,
            'source': str(self.get_parameter('source').value),
            'frame rate [Hz]': f'{(self._counts["frames"] - frames) / elapsed:.1f}',
            'sample rate [Hz]': f'{(self._counts["samples"] - samples) / elapsed:.1f}',
            'listeners': str(self._frames.get_subscription_count()),
            'longest pause [ms]': f'{self._longest_pause_s * 1e3:.1f}',
            **{name: str(count) for name, count in self._counts.items()},
            'lost samples': str(self._lost_before + self._outgoing.lost),
        }
        self._longest_pause_s = 0.0
        if self.lifecycle_state == 'active' and self._counts['frames'] == frames:
            return DiagnosticStatus.WARN, self.status_message or 'no samples', info
        return DiagnosticStatus.OK, self.status_message, info


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run(DriverNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
