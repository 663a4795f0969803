"""Publish the streams that a device sends beside its EMG: motion sensors, auxiliary inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.publisher import Publisher

from myogestic_ros.core.signals import Chunk, StreamInfo
from myogestic_ros.msg import EmgFrame
from myogestic_ros.msg import StreamInfo as StreamInfoMessage
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.conversions import chunk_to_ros, stream_info_to_ros
from myogestic_ros.nodes.driver.source_reader import SampleNumbering

__all__ = ['AuxiliaryStreams']


@dataclass
class _Stream:
    """Publishers and sample numbering of one stream."""

    frames: Publisher
    info: Publisher
    numbering: SampleNumbering


class AuxiliaryStreams:
    """Publishers of the auxiliary streams of a source, on ``<name>`` and ``<name>/info``.

    All methods but `diagnostics` and `close` are called from the reader's thread while it runs.

    Parameters
    ----------
    node : Node
        Node that publishes.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._streams: dict[str, _Stream] = {}
        self._frame_id = ''

    def restart(self) -> None:
        """Count the samples of all streams from 0 again."""
        for stream in self._streams.values():
            stream.numbering = SampleNumbering()

    def on_open(self, infos: Sequence[StreamInfo], start_ns: int, frame_id: str) -> None:
        """Publish the descriptions of the streams of a source that has been opened.

        Parameters
        ----------
        infos : sequence of StreamInfo
            The streams.
        start_ns : int
            Node time at which the source was opened, ns.
        frame_id : str
            The electrode set.
        """
        self._frame_id = frame_id
        for name in self._streams.keys() - {info.name for info in infos}:
            self._destroy(self._streams.pop(name))  # the source has changed
        for info in infos:
            if info.name not in self._streams:
                create = self._node.create_publisher
                self._streams[info.name] = _Stream(
                    create(EmgFrame, info.name, qos.EMG),
                    create(StreamInfoMessage, f'{info.name}/info', qos.INFO),
                    SampleNumbering(),
                )
            stream = self._streams[info.name]
            stream.numbering.on_open(start_ns)
            stream.info.publish(stream_info_to_ros(info, start_ns, frame_id))

    def publish(self, chunk: Chunk) -> None:
        """Publish a chunk of the stream that it names; drop it if there is no such stream."""
        stream = self._streams.get(chunk.stream)
        if stream is not None:
            numbered = stream.numbering.renumber(chunk)
            stream.frames.publish(chunk_to_ros(numbered, self._frame_id))

    def diagnostics(self) -> dict[str, str]:
        """Return the lost samples of each stream."""
        streams = list(self._streams.items())
        return {f'lost samples of {name}': str(s.numbering.lost) for name, s in streams}

    def close(self) -> None:
        """Destroy all publishers."""
        while self._streams:
            self._destroy(self._streams.popitem()[1])

    def _destroy(self, stream: _Stream) -> None:
        self._node.destroy_publisher(stream.frames)
        self._node.destroy_publisher(stream.info)
