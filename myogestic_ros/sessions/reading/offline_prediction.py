"""Predict on a recorded session as fast as possible, without a clock and without ROS."""

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
    on_stamp: Callable[[int], None] = lambda stamp_ns: None,
) -> Iterator[Prediction]:
    """Yield the predictions of a pipeline on a recorded session.

    Ticks are clocked by samples, therefore the predictions are equal to those of a live pipeline
    that received all samples.

    Parameters
    ----------
    pipeline : Pipeline
        Idle pipeline with callbacks and a model; it is idle again afterwards.
    session : Session
        Session with all streams of the pipeline.
    on_stamp : callable
        Called with the stamp of each chunk, ns, in the order of recording.

    Yields
    ------
    Prediction
        Prediction of each tick.

    Raises
    ------
    StateError
        If the pipeline cannot predict.
    SessionError
        If a stream is missing or the session cannot be read to its end.
    """
    specs = {spec.name: spec for spec in pipeline.streams}
    pipeline.begin_predicting()
    try:
        rates = {name: spec.sampling_rate for name, spec in specs.items()}
        for name, item in session.events(list(specs), rates):
            if isinstance(item, Label):
                continue
            on_stamp(item.stamp_ns)
            pipeline.push(name, item)
            yield from pipeline.step()
    finally:
        if str(pipeline.state) == 'predicting':
            pipeline.stop_predicting()
