"""Predictions as a bag: written by an offline replay, read to compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.serialization import deserialize_message, serialize_message

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.pipeline.prediction import Prediction
from myogestic_ros.core.signals import Label
from myogestic_ros.msg import Prediction as PredictionMessage
from myogestic_ros.nodes.common.prediction_conversions import prediction_to_ros
from myogestic_ros.sessions.exchange.encoder import Encoder
from myogestic_ros.sessions.reading.reader import LABEL
from myogestic_ros.sessions.storage.bag import open_bag
from myogestic_ros.sessions.storage.message_definitions import message_definition
from myogestic_ros.sessions.storage.metadata import LATCHED, STREAM
from myogestic_ros.sessions.storage.writer import SessionWriter, Topic

__all__ = ['TOPICS', 'Comparison', 'PredictionWriter', 'compare', 'read_predictions']

PREDICTION = 'myogestic_ros/msg/Prediction'
PREDICTIONS = '/pipeline/predictions'
LABELS = '/label'
TOPICS = [
    Topic(PREDICTIONS, message_definition(PREDICTION), STREAM),
    Topic(LABELS, message_definition(LABEL), LATCHED),
]
"""What a bag of predictions holds; the topics are the pipeline node's."""


class PredictionWriter:
    """Write predictions, and the labels they can be held against, into a session.

    Parameters
    ----------
    writer : SessionWriter
        Made with the topics in `TOPICS`.
    """

    def __init__(self, writer: SessionWriter) -> None:
        self._writer = writer

    def add(self, prediction: Prediction) -> PredictionMessage:
        """Write a prediction at the time of its newest sample; return its message."""
        message = prediction_to_ros(prediction)
        self._writer.write(PREDICTIONS, bytes(serialize_message(message)), prediction.stamp_ns)
        return message

    def add_labels(self, labels: Iterable[Label]) -> None:
        """Write the labels of a session at their own times."""
        encoder = Encoder()
        for label in labels:
            self._writer.write(LABELS, encoder.label(label), label.stamp_ns)


def read_predictions(path: Path) -> list[PredictionMessage]:
    """Return the predictions in a bag, whoever recorded it, in the order of the recording.

    Raises
    ------
    SessionError
        When it cannot be read, or holds none.
    """
    bag = open_bag(path)
    topics = [topic for topic, msgtype in bag.topics.items() if msgtype == PREDICTION]
    if not topics:
        raise SessionError(
            f'{path} holds no predictions (no topic of {PREDICTION}); it has '
            f'{", ".join(bag.topics) or "none"}.'
        )
    return [deserialize_message(data, PredictionMessage) for _, _, data in bag.messages(topics)]


@dataclass(frozen=True)
class Comparison:
    """How the predictions of one recording, made twice, agree.

    Attributes
    ----------
    compared : int
        Predictions for the same sample.
    different : int
        Those of them that differ in anything but the moment and how long it took.
    missing, additional : int
        Between the first and the last sample of both: what the second lacks, and what only it has.
    first_difference : int or None
        The first sample whose predictions differ.
    """

    compared: int
    different: int
    missing: int
    additional: int
    first_difference: int | None

    @property
    def identical(self) -> bool:
        return self.compared > 0 and not (self.different or self.missing or self.additional)


def compare(one: Iterable[PredictionMessage], two: Iterable[PredictionMessage]) -> Comparison:
    """Compare predictions of one recording, sample by sample, where both have begun and not ended."""
    first = {message.sample: _essence(message) for message in one}
    second = {message.sample: _essence(message) for message in two}
    if not first or not second:
        return Comparison(0, 0, len(first), len(second), None)
    start, end = max(min(first), min(second)), min(max(first), max(second))
    ours = {sample for sample in first if start <= sample <= end}
    theirs = {sample for sample in second if start <= sample <= end}
    different = sorted(s for s in ours & theirs if first[s] != second[s])
    return Comparison(
        len(ours & theirs),
        len(different),
        len(ours - theirs),
        len(theirs - ours),
        different[0] if different else None,
    )


def _essence(message: PredictionMessage) -> tuple[Any, ...]:
    stamp = message.header.stamp
    return (
        (stamp.sec, stamp.nanosec),
        message.label,
        list(message.class_names),
        list(message.probabilities),
        list(message.dof_names),
        list(message.dof_values),
        [(pair.key, pair.value) for pair in message.extra],
    )
