"""What is asked of a stream that windows are cut from."""

from __future__ import annotations

from dataclasses import dataclass

from myogestic_ros.core.streams.filter_spec import FilterSpec

__all__ = ['StreamSpec']


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A stream that windows are cut from.

    Attributes
    ----------
    name : str
        Key of its window in the dict that ``extract`` gets.
    window_ms : float
        Length of its window, ms.
    channels, sampling_rate : optional
        Number of channels and rate (Hz) it must have; None: what the first chunk has.
    filters : FilterSpec, optional
        What its samples pass through before windows are cut; None: not said, so nothing, unless
        a model that is loaded was trained with some.
    """

    name: str
    window_ms: float = 200.0
    channels: int | None = None
    sampling_rate: float | None = None
    filters: FilterSpec | None = None

    def __post_init__(self) -> None:
        object.__setattr__(
            self, 'filters', FilterSpec.from_value(self.filters)
        )  # a dict out of JSON
