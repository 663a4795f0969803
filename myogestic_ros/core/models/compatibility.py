"""Check of a model against the streams that it is to be used on."""

from __future__ import annotations

from collections.abc import Sequence

from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = ['incompatibility']


def incompatibility(trained_on: Sequence[StreamSpec], live: Sequence[StreamSpec]) -> str | None:
    """Return the reason why a model cannot be used on live streams; None if it can.

    Parameters
    ----------
    trained_on : sequence of StreamSpec
        Streams that the model was trained on.
    live : sequence of StreamSpec
        Streams of the pipeline. Channels and rates that are not known yet (None) match any; so do
        filters that are not set (None): the filters of the model are used then.

    Returns
    -------
    str or None
        One sentence without a capital at its start, to follow "Model 'x' does not match the
        streams: ".
    """
    wanted = {spec.name: spec for spec in trained_on}
    found = {spec.name: spec for spec in live}
    if list(wanted) != list(found):
        return f'the model reads the streams {list(wanted)}, the pipeline has {list(found)}.'
    for name, trained in wanted.items():
        now = found[name]
        for phrase, old, new in (
            ('{:g} channels', trained.channels, now.channels),
            ('a sampling rate of {:g} Hz', trained.sampling_rate, now.sampling_rate),
            ('a window of {:g} ms', trained.window_ms, now.window_ms),
        ):
            if old is not None and new is not None and old != new:
                return (
                    f"stream '{name}' has {phrase.format(new)}, "
                    f'the model was trained with {phrase.format(old)}.'
                )
        filters = trained.filters or FilterSpec()
        if now.filters is not None and str(now.filters) != str(filters):
            return (
                f"the pipeline filters stream '{name}' with {now.filters}, "
                f'the model was trained with {filters}.'
            )
    return None
