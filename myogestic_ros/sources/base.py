"""Interface that every source of samples implements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, Label, StreamInfo

__all__ = ['EndOfRecording', 'Source', 'SourceFactory']


class EndOfRecording(Exception):  # noqa: N818 - not an error: it ends a replay
    """Raised by `Source.read` at the end of a recording."""


@runtime_checkable
class Source(Protocol):
    """Source of samples: a device, a simulation or a recording.

    A source does not depend on ROS and starts no thread. The driver node calls `open`, `read` and
    `close` from one thread. `set_label` may be called from another thread at any time.

    Timestamps: ``stamp_ns`` of chunks and labels counts from `open` (0 ns) in the time of the
    signal. A recording played at four times its speed keeps the stamps of its recording. The
    driver adds the time of its clock at `open`.
    """

    def open(self) -> StreamInfo:
        """Connect, start acquisition and return the description of the stream.

        Raises
        ------
        SourceError
            If the source cannot be opened. The driver retries after a pause.
        """

    def read(self, timeout_s: float) -> Chunk | Label | None:
        """Return the next chunk or label, or None if none is available within ``timeout_s``.

        A chunk is returned no earlier than its newest sample is acquired. Lost samples are holes:
        ``first_sample`` skips their indices.

        Raises
        ------
        EndOfRecording
            If a recording has been played to its end.
        SourceError
            If the device is disconnected. The driver closes the source and opens it again.
        """

    def set_label(self, label: Label) -> None:
        """Pass the label in force to the source. Only simulations use it."""

    def close(self) -> None:
        """Release the device. Does not raise; may be called more than once."""


class SourceFactory(Protocol):
    """Object that an entry point of the group ``myogestic_ros.sources`` refers to.

    Usually the class of the source. A class whose `Source.read` also returns labels sets
    ``HAS_LABELS = True``. A source with the attribute ``flow_controlled = True`` is read no faster
    than the subscribers process its samples.

    ``PARAMETERS`` lists the parameters of the source. The driver declares each as
    ``<source name>.<parameter name>`` and passes the values by parameter name.
    """

    @property
    def PARAMETERS(self) -> tuple[Parameter, ...]:  # noqa: N802 - a constant of the class
        """Parameters of the source."""

    def __call__(self, values: Mapping[str, Any]) -> Source:
        """Return a closed source.

        Raises
        ------
        SourceError
            If a value is invalid.
        """
