"""Specification of a stream that windows are cut from."""

from __future__ import annotations

from dataclasses import dataclass

from myogestic_ros.core.public_address import public_address
from myogestic_ros.core.streams.filter_spec import FilterSpec

__all__ = ['StreamSpec']


@public_address
@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A stream that windows are cut from.

    Attributes
    ----------
    name : str
        Name of the stream; key of its window in the dict that ``extract`` gets.
    window_ms : float
        Length of the window, in ms.
    channels : int or None
        Required number of channels; None: that of the first chunk.
    sampling_rate : float or None
        Required sampling rate, in Hz; None: that of the first chunk.
    filters : FilterSpec or None
        Filters applied to the samples before windows are cut. A dict of the fields of `FilterSpec`
        is converted. None: the filters that the loaded model was trained with, if any.

    Raises
    ------
    TypeError, ValueError
        If ``filters`` is a dict that does not describe filters.
    """

    name: str
    window_ms: float = 200.0
    channels: int | None = None
    sampling_rate: float | None = None
    filters: FilterSpec | None = None

    def __post_init__(self) -> None:
        object.__setattr__(
            self, 'filters', FilterSpec.from_value(self.filters)
        )  # a dict from JSON
