"""What a source of samples is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, Label, StreamInfo

__all__ = ['EndOfRecording', 'Source', 'SourceFactory']


class EndOfRecording(Exception):  # noqa: N818 - not an error: the recording is simply over
    """Raised by `Source.read` when a recording has been played to its end."""


@runtime_checkable
class Source(Protocol):
    """Something that samples come from: a device, a simulation, a recording.

    A source knows nothing of ROS and owns no thread: the driver calls `read` from a thread of
    its own, and no other method at the same time, but for `set_label`, which may come from
    another thread at any moment.

    Time: ``stamp_ns`` of what `read` returns counts from the moment of `open` (0 ns), in time of
    the signal: a recording that is played four times as fast is stamped as it was recorded. The
    driver adds its clock at that moment.
    """

    def open(self) -> StreamInfo:
        """Connect, start, and return what the stream is.

        Raises
        ------
        SourceError
            When it cannot be opened; the driver tries again after a pause.
        """

    def read(self, timeout_s: float) -> Chunk | Label | None:
        """Return the next chunk (or label), waiting for it at most ``timeout_s``; else None.

        Samples come no earlier than they would from the device: a chunk is returned when its
        newest sample has been acquired. A lost sample leaves a hole in ``first_sample``.

        Raises
        ------
        EndOfRecording
            When there is nothing more to come.
        SourceError
            When the device is gone; the driver closes the source and opens it again.
        """

    def set_label(self, label: Label) -> None:
        """Take note of what the person is asked to do; most sources ignore it."""

    def close(self) -> None:
        """Release the device; never raises, may be called twice."""


class SourceFactory(Protocol):
    """What an entry point of the group ``myogestic_ros.sources`` names: usually the class.

    A source whose `read` also returns labels has the attribute ``HAS_LABELS = True``.

    ``PARAMETERS`` lists what the source takes. The driver declares each as
    ``<source name>.<parameter name>`` and calls the factory with plain names.
    """

    @property
    def PARAMETERS(self) -> tuple[Parameter, ...]:  # noqa: N802 - a constant of the class
        """What the source takes."""

    def __call__(self, values: Mapping[str, Any]) -> Source:
        """Build the source, closed. Raises `SourceError` for values it cannot work with."""
