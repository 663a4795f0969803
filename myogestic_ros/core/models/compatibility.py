"""Whether a model can work on the streams that there are."""

from __future__ import annotations

from collections.abc import Sequence

from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = ['incompatibility_of']


def incompatibility_of(trained_on: Sequence[StreamSpec], live: Sequence[StreamSpec]) -> str | None:
    """Return why a model cannot work on live streams, in a sentence; else None.

    A rate or number of channels that is not known yet fits, and so do filters that nobody asked
    for: the model's are used then.
    """
    wanted = {spec.name: spec for spec in trained_on}
    have = {spec.name: spec for spec in live}
    if list(wanted) != list(have):
        return f'it reads the streams {list(wanted)}, the pipeline has {list(have)}.'
    for name, need in wanted.items():
        now = have[name]
        for what, trained, found, unit in (
            ('channels', need.channels, now.channels, ''),
            ('sampling rate', need.sampling_rate, now.sampling_rate, ' Hz'),
            ('window', need.window_ms, now.window_ms, ' ms'),
        ):
            if None not in (trained, found) and trained != found:
                return (
                    f"it was trained on stream '{name}' with {what} {trained:g}{unit}, "
                    f'the stream has {found:g}{unit}.'
                )
        if now.filters is not None and str(now.filters) != str(need.filters or FilterSpec()):
            return (
                f"it was trained on stream '{name}' filtered with {need.filters or FilterSpec()}, "
                f'the pipeline filters it with {now.filters}.'
            )
    return None
