"""Predicting on a recording as fast as the machine can, without a clock and without a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.prediction import Prediction
from myogestic_ros.core.signals import Label
from myogestic_ros.sessions.reading.reader import Session

__all__ = ['predict_session']


def predict_session(
    pipeline: Pipeline,
    session: Session,
    on_time: Callable[[int], None] = lambda stamp_ns: None,
) -> Iterator[Prediction]:
    """Yield the predictions that the pipeline makes when the session is played to it.

    They are those of a live pipeline that heard all of it: ticks are clocked by samples, so the
    speed does not matter.

    Parameters
    ----------
    pipeline : Pipeline
        With callbacks and a model; idle. It is idle again at the end.
    session : Session
        It has all the streams that the pipeline reads.
    on_time : callable
        Called with the stamp of every chunk, ns, in the order of the recording.

    Raises
    ------
    StateError
        When the pipeline cannot predict.
    SessionError
        When a stream is missing, or the session cannot be read.
    """
    specs = {spec.name: spec for spec in pipeline.streams}
    pipeline.start_predicting()
    try:
        rates = {name: spec.sampling_rate for name, spec in specs.items()}
        for name, item in session.events(list(specs), rates):
            if isinstance(item, Label):
                continue
            on_time(item.stamp_ns)
            pipeline.push(name, item)
            yield from pipeline.step()
    finally:
        if str(pipeline.state) == 'predicting':
            pipeline.stop_predicting()
