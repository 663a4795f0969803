"""Driver node: publishes the samples of a device, a simulation or a recording as EmgFrame."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription

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
from myogestic_ros.nodes.driver.auxiliary_streams import AuxiliaryStreams
from myogestic_ros.nodes.driver.flow_control import FlowControl
from myogestic_ros.nodes.driver.source_reader import SampleNumbering, SourceReader
from myogestic_ros.nodes.driver.topic_input import TopicInput
from myogestic_ros.sources.base import Source
from myogestic_ros.sources.registry import source_factory, source_names
from myogestic_ros.sources.topic import Topic

__all__ = ['DRIVER', 'DriverNode', 'main']

DRIVER = (
    Parameter(
        'source',
        'synthetic',
        'Source of the samples: synthetic, replay, or the name of a source from another package.',
        used_at='activation',
    ),
    Parameter('frame_id', 'emg', "frame_id in every frame's header: the electrode set."),
    Parameter(
        'attempt_reconnect',
        True,
        'Open the source again when it fails while streaming.',
    ),
    Parameter(
        'dormant_period_between_reconnects',
        1.0,
        'Pause between two attempts to reconnect, s.',
        minimum=0.01,
        maximum=3600.0,
    ),
    Parameter(
        'max_failed_reconnect_attempts',
        60,
        'Number of failed attempts to reconnect in a row after which streaming stops.',
        minimum=1,
        maximum=1000000,
    ),
)

DISCOVERY_TIMEOUT_S = 0.5
OPEN_TIMEOUT_S = 0.08
"""A source that takes longer to open continues to do so after activation has returned."""
RELEASE_TIMEOUT_S = 0.08
"""A source that takes longer to release continues to do so after deactivation has returned."""
RELEASE_TIMEOUT_AT_START_S = 1.0
"""On a busy machine the thread of the last activation ends later; only a source that hangs takes
this long."""
RELEASE_TIMEOUT_AT_SHUTDOWN_S = 5.0
WAITING_STATUS_INTERVAL_S = 1.0


class DriverNode(ManagedNode):
    """Stream samples from a source.

    The node is active while it streams or waits for its device; otherwise the device is released.
    ``~/status`` tells the two apart: its state is ``'streaming'`` only while the source is open,
    and otherwise ``'waiting'``.

    ROS parameters
    --------------
    See `DRIVER`, `MANAGED` and ``config/driver.yaml``. Parameters of a source are
    ``<source>.<parameter>``; they and ``source`` take effect at the next activation.

    Publishers
    ----------
    emg : EmgFrame
    emg/info : StreamInfo, latched
    <name>, <name>/info : EmgFrame, StreamInfo
        For each auxiliary stream of the source, for example the motion sensor of a device.
    label : Label, latched
        Only if the source has labels (``replay``, and devices with triggers or markers).
    ~/status : NodeStatus, latched
    /diagnostics : diagnostic_msgs/DiagnosticArray, 1 Hz

    Subscriptions
    -------------
    <topic.topic> : any message with an array
        Only with the source ``topic``.
    emg/processed : Processed
        Only for a flow-controlled replay, which waits for the nodes that publish there.
    label : Label
        Only if the source has no labels; ``synthetic`` performs the contraction of the label.
    """

    active_state = 'streaming'

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('driver', **kwargs)
        self.declare_table(DRIVER)
        for name in source_names():
            try:
                table = source_factory(name).PARAMETERS
                rows = [replace(row, used_at='activation') for row in table]
                self.declare_table(rows, f'{name}.')
            except SourceError as error:
                self.get_logger().warning(str(error))
        self._source: Source | None = None
        self._reader: SourceReader | None = None
        self._numbering = SampleNumbering()
        self._auxiliary = AuxiliaryStreams(self)
        self._waiting_since_s: float | None = None
        self._waiting_told_s = 0.0
        # Created here, so that subscribers are discovered before the first frame is published.
        self._frames = self.create_publisher(EmgFrame, 'emg', qos.EMG)
        self._info = self.create_publisher(StreamInfoMessage, 'emg/info', qos.INFO)
        self._label_publisher: Publisher | None = None
        self._label_subscription: Subscription | None = None
        self._label: Label | None = None
        self._flow: FlowControl | None = None
        self._topic_input: TopicInput | None = None
        self._counts = {'frames': 0, 'samples': 0, 'reconnects': 0}
        self._lost_before = 0
        self._last_frame_s = 0.0
        self._longest_pause_s = 0.0
        self._last_counts = (time.monotonic(), 0, 0)
        self._diagnostics = Diagnostics(self, 'driver', self._collect)

    # -- lifecycle ----------------------------------------------------------------------------

    def configure(self) -> None:
        """Construct the source without opening it."""
        self._make_source()
        self.status_message = f"Source '{self.get_parameter('source').value}' is ready."

    def _make_source(self) -> Source:
        name = self.get_parameter('source').value
        factory = source_factory(name)
        self._source = factory(self.parameter_values(factory.PARAMETERS, f'{name}.'))
        self._connect_labels(published=getattr(self._source, 'HAS_LABELS', False))
        self._connect_flow_control(getattr(self._source, 'flow_controlled', False))
        self._connect_topic(self._source)
        if self._label is not None:  # a label is valid until the next one
            self._source.set_label(self._label)
        return self._source

    def activate(self) -> None:
        """Open the source and stream in a dedicated thread."""
        if self._reader is not None and not self._reader.stop(RELEASE_TIMEOUT_AT_START_S):
            raise SourceError('The source is still being released; try again in a moment.')
        self._lost_before += self._numbering.lost
        self._numbering = SampleNumbering()
        self._auxiliary.restart()
        self._waiting_since_s = None
        source = self._make_source()  # parameters may have changed since
        if self._flow is not None:
            self._flow.restart()
        self._reader = SourceReader(
            source,
            on_open=self._on_open,
            on_item=self._on_item,
            on_failure=self._on_failure,
            on_end=lambda: self.request_deactivation('The recording has ended.', error=False),
            on_waiting=self._on_waiting,
        )
        self.active_state = 'waiting'
        self.status_message = 'Opening the source.'
        self._last_frame_s = time.monotonic()
        if self._reader.start(OPEN_TIMEOUT_S):
            self.status_message = 'Streaming.'

    def deactivate(self) -> None:
        """Stop streaming and release the device."""
        timeout_s = RELEASE_TIMEOUT_AT_SHUTDOWN_S if self.shutting_down else RELEASE_TIMEOUT_S
        if self._reader is None or self._reader.stop(timeout_s):
            self.status_message = 'Stopped streaming.'
        else:
            self.status_message = 'Stopped streaming; the source is still being released.'

    def cleanup(self) -> None:
        """Drop the source and close the label topic."""
        self.deactivate()
        self._source = None
        self._connect_labels(published=None)
        self._connect_flow_control(False)
        self._connect_topic(None)
        self._auxiliary.close()

    def value_error(self, name: str, value: Any) -> str | None:
        """Refuse a source that does not exist."""
        names = source_names() if name == 'source' else [value]
        return None if value in names else f'expected one of {", ".join(names)}'

    # -- labels -------------------------------------------------------------------------------

    def _connect_labels(self, *, published: bool | None) -> None:
        """Publish labels (True), subscribe to them (False), or neither (None)."""
        if self._label_publisher is not None and not published:
            self.destroy_publisher(self._label_publisher)
            self._label_publisher = None
        if self._label_subscription is not None and published is not False:
            self.destroy_subscription(self._label_subscription)
            self._label_subscription = None
        if published and self._label_publisher is None:
            self._label_publisher = self.create_publisher(LabelMessage, 'label', qos.LABEL)
        if published is False and self._label_subscription is None:
            self._label_subscription = self.create_subscription(
                LabelMessage, 'label', self._on_label, qos.LABEL_INPUT
            )

    def _connect_flow_control(self, wanted: bool) -> None:
        if wanted and self._flow is None:
            self._flow = FlowControl(
                self, 'emg', lambda reason: self.set_status(reason or 'Streaming.')
            )
        elif not wanted and self._flow is not None:
            self._flow.close()
            self._flow = None

    def _connect_topic(self, source: Source | None) -> None:
        """Subscribe for the source `topic`, which only a node can do."""
        if self._topic_input is not None:
            self._topic_input.close()
            self._topic_input = None
        if isinstance(source, Topic):
            self._topic_input = TopicInput(self, source)

    def _on_label(self, message: LabelMessage) -> None:
        self._label = label_from_ros(message)
        if self._source is not None:
            self._source.set_label(self._label)

    # -- called from the reader's thread ------------------------------------------------------

    def _on_open(self, info: StreamInfo, late: bool) -> None:
        start_ns = self.get_clock().now().nanoseconds
        origin_s = getattr(self._source, 'origin_s', None)
        if origin_s is not None:
            start_ns -= round((time.monotonic() - origin_s) * 1e9)
        auxiliary_streams = getattr(self._source, 'auxiliary_streams', tuple)
        self._auxiliary.on_open(auxiliary_streams(), start_ns, self._frame_id)
        if not late:
            self._wait_for_subscribers()
        self._numbering.on_open(start_ns)
        self._info.publish(stream_info_to_ros(info, start_ns, self._frame_id))
        self.active_state = 'streaming'
        if self._waiting_since_s is not None:
            self._waiting_since_s = None
            self.get_logger().info(f'Streaming from {info.device or "the device"}.')
        if late:
            self.set_status('Streaming.')
        elif self.lifecycle_state == 'active':  # its status was published before this point
            self.publish_status()

    def _on_waiting(self, reason: str) -> None:
        """Report what the source waits for: at once, and then every second."""
        now_s = time.monotonic()
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s
            self._waiting_told_s = 0.0
            if self.active_state == 'streaming':  # the device went away and may come back
                self._counts['reconnects'] += 1
            self.get_logger().info(f'Waiting for the device: {reason}.')
        self.active_state = 'waiting'
        if now_s - self._waiting_told_s >= WAITING_STATUS_INTERVAL_S:
            self._waiting_told_s = now_s
            self.set_status(waiting_message(reason, now_s - self._waiting_since_s))

    def _wait_for_subscribers(self) -> None:
        """Wait until known subscribers are connected: they would miss frames sent before."""
        end_s = time.monotonic() + DISCOVERY_TIMEOUT_S
        known = self.count_subscribers(self._frames.topic_name)
        while self._frames.get_subscription_count() < known and time.monotonic() < end_s:
            time.sleep(0.005)

    def _on_item(self, item: Chunk | Label) -> None:
        if isinstance(item, Label):
            if self._label_publisher is not None:
                stamp_ns = self._numbering.stamp_ns(item)
                self._label_publisher.publish(label_to_ros(replace(item, stamp_ns=stamp_ns)))
            return
        if item.stream:
            self._auxiliary.publish(item)
            return
        chunk = self._numbering.renumber(item)
        if self._flow is not None and self._reader is not None:
            reader = self._reader
            self._flow.wait(chunk.n_samples, chunk.sampling_rate, lambda: reader.stopping)
            if reader.stopping:
                return
            self._flow.on_published(chunk.end_sample)
        self._frames.publish(chunk_to_ros(chunk, self._frame_id))
        now_s = time.monotonic()
        self._longest_pause_s = max(self._longest_pause_s, now_s - self._last_frame_s)
        self._last_frame_s = now_s
        self._counts['frames'] += 1
        self._counts['samples'] += item.n_samples

    def _on_failure(self, error: Exception, failures: int) -> float | None:
        """Report a failure; return the pause before the next attempt, s, or None to stop."""
        self.active_state = 'waiting'
        sentence = str(error) if isinstance(error, MyoGesticError) else f'{error!r}.'
        if not isinstance(error, MyoGesticError):  # a bug in the source, not a device failure
            trace = ''.join(traceback.format_exception(error))
            self.get_logger().error(trace, throttle_duration_sec=10.0)
        limit = self.get_parameter('max_failed_reconnect_attempts').value
        if not self.get_parameter('attempt_reconnect').value:
            self.request_deactivation(f'Stopped streaming: {sentence}')
            return None
        if failures > limit:
            self.request_deactivation(
                f'Stopped streaming after {limit} attempts to reconnect: {sentence}'
            )
            return None
        self._counts['reconnects'] += 1
        pause_s = float(self.get_parameter('dormant_period_between_reconnects').value)
        self.get_logger().warning(f'{sentence} Opening the source again in {pause_s:g} s.')
        self.set_status(f'{sentence} Attempt {failures} of {limit} to reconnect in {pause_s:g} s.')
        return pause_s

    @property
    def _frame_id(self) -> str:
        return str(self.get_parameter('frame_id').value)

    # -- diagnostics --------------------------------------------------------------------------

    def _collect(self) -> tuple[bytes, str, dict[str, str]]:
        then, frames, samples = self._last_counts
        now = time.monotonic()
        self._last_counts = (now, self._counts['frames'], self._counts['samples'])
        elapsed = max(1e-3, now - then)
        values = {
            'state': self.lifecycle_state,
            'source': str(self.get_parameter('source').value),
            'frame rate [Hz]': f'{(self._counts["frames"] - frames) / elapsed:.1f}',
            'sample rate [Hz]': f'{(self._counts["samples"] - samples) / elapsed:.1f}',
            'subscribers': str(self._frames.get_subscription_count()),
            'longest pause [ms]': f'{self._longest_pause_s * 1e3:.1f}',
            **{name: str(count) for name, count in self._counts.items()},
            'lost samples': str(self._lost_before + self._numbering.lost),
            **self._auxiliary.diagnostics(),
            **self._health(),
        }
        self._longest_pause_s = 0.0
        if self.lifecycle_state == 'active' and self._counts['frames'] == frames:
            return DiagnosticStatus.WARN, self.status_message or 'No samples.', values
        return DiagnosticStatus.OK, self.status_message, values

    def _health(self) -> dict[str, str]:
        """Return what the device reports about itself, while it streams."""
        if self.lifecycle_state != 'active':
            return {}
        try:
            return dict(getattr(self._source, 'health', dict)())
        except Exception as error:  # a fault in a report must not end the node
            return {'health': f'not available: {error!r}'}


def waiting_message(reason: str, waited_s: float) -> str:
    """Return the status while the device is waited for, with the time in whole seconds.

    The time goes into the parenthesis at the end of the reason, if there is one.
    """
    time_text = f'{waited_s:.0f} s'
    reason = f'{reason[:-1]}, {time_text})' if reason.endswith(')') else f'{reason} ({time_text})'
    return f'Waiting for the device: {reason}.'


def main(args: list[str] | None = None) -> int:
    """Run the driver node; return the exit code."""
    return run(DriverNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
