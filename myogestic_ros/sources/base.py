"""Interface that every source of samples implements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, Label, StreamInfo

__all__ = ['DeviceSource', 'EndOfRecording', 'Source', 'SourceFactory']


class EndOfRecording(Exception):  # noqa: N818 - not an error: it ends a replay
    """Raised by `Source.read` at the end of a recording."""


@runtime_checkable
class Source(Protocol):
    """Source of samples: a device, a simulation or a recording.

    A source does not depend on ROS. The driver node calls `open`, `read` and `close` from one
    thread. `set_label` may be called from another thread at any time. A source of a device may
    also have the methods of `DeviceSource`.

    Timestamps: ``stamp_ns`` of chunks and labels counts from `open` (0 ns) in the time of the
    signal. A recording played at four times its speed keeps the stamps of its recording. The
    driver adds the time of its clock at `open`.
    """

    def open(self) -> StreamInfo:
        """Connect, start acquisition and return the description of the stream.

        Raises
        ------
        SourceWaiting
            If the device is not there yet: it has to be switched on, or dials in later. The driver
            calls `open` again at once, without closing the source, for as long as it takes. Raise
            it after at most 0.1 s, so that the driver can be deactivated.
        SourceError
            If the source cannot be opened. The driver closes it and retries after a pause.
        """

    def read(self, timeout_s: float) -> Chunk | Label | None:
        """Return the next chunk or label, or None if none is available within ``timeout_s``.

        A chunk is returned no earlier than its newest sample is acquired. Lost samples are holes:
        ``first_sample`` skips their indices. A chunk of an auxiliary stream has its name.

        Raises
        ------
        EndOfRecording
            If a recording has been played to its end.
        SourceWaiting
            If the device has ended the connection and may come back by itself. The driver calls
            `open` again without closing the source.
        SourceError
            If the device is disconnected. The driver closes the source and opens it again.
        """

    def set_label(self, label: Label) -> None:
        """Pass the label in force to the source. Only simulations use it."""

    def close(self) -> None:
        """Release the device. Does not raise; may be called more than once."""


@runtime_checkable
class DeviceSource(Source, Protocol):
    """Source with the methods that only devices need; the driver calls those that exist.

    Attributes
    ----------
    origin_s : float
        Time of `time.monotonic` at the stamp 0, s. Without it, the driver takes the time at which
        `open` has returned.
    """

    origin_s: float

    def interrupt(self) -> None:
        """Make a running `open` or `read` return or raise within 0.1 s.

        Called from another thread, before `close`, and only if `open` or `read` may take longer.
        """

    def auxiliary_streams(self) -> Sequence[StreamInfo]:
        """Return the descriptions of the streams beside the main one, valid after `open`.

        The driver publishes the chunks of each on the topic ``<name>`` and its description on
        ``<name>/info``.
        """

    def health(self) -> Mapping[str, str]:
        """Return facts for /diagnostics: battery, firmware, peer, estimated sampling rate.

        Called from another thread once a second; returns at once.
        """


class SourceFactory(Protocol):
    """Object that an entry point of the group ``myogestic_ros.sources`` refers to.

    Usually the class of the source. A source whose `Source.read` also returns labels has the
    attribute ``HAS_LABELS = True``. A source with the attribute ``flow_controlled = True`` is read no faster
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
