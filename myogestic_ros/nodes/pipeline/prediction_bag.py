"""Write predictions to a bag, read them from one, and compare two sets of predictions."""

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
"""Topics of a bag of predictions, named like those of the pipeline node."""


class PredictionWriter:
    """Write predictions, and labels to compare them with, into a session.

    Parameters
    ----------
    writer : SessionWriter
        A writer of the topics in `TOPICS`.
    """

    def __init__(self, writer: SessionWriter) -> None:
        self._writer = writer

    def add(self, prediction: Prediction) -> PredictionMessage:
        """Write a prediction at the time of its newest sample; return the message."""
        message = prediction_to_ros(prediction)
        self._writer.write(PREDICTIONS, bytes(serialize_message(message)), prediction.stamp_ns)
        return message

    def add_labels(self, labels: Iterable[Label]) -> None:
        """Write labels at their own times."""
        encoder = Encoder()
        for label in labels:
            self._writer.write(LABELS, encoder.label(label), label.stamp_ns)


def read_predictions(path: Path) -> list[PredictionMessage]:
    """Return the predictions in a bag, in recorded order.

    Raises
    ------
    SessionError
        When the bag cannot be read, or contains no predictions.
    """
    bag = open_bag(path)
    topics = [topic for topic, msgtype in bag.topics.items() if msgtype == PREDICTION]
    if not topics:
        raise SessionError(
            f'{path} contains no predictions: expected a topic of type {PREDICTION}, the bag has '
            f'{", ".join(bag.topics) or "no topics"}.'
        )
    return [deserialize_message(data, PredictionMessage) for _, _, data in bag.messages(topics)]


@dataclass(frozen=True)
class Comparison:
    """Agreement of two sets of predictions of one recording.

    Attributes
    ----------
    compared : int
        Number of samples for which both sets have a prediction.
    different : int
        Number of these whose predictions differ; compute times are not compared.
    missing : int
        Predictions that only the first set has, in the range of samples that both sets cover.
    additional : int
        Predictions that only the second set has, in that range.
    first_difference : int or None
        Index of the first sample whose predictions differ.
    """

    compared: int
    different: int
    missing: int
    additional: int
    first_difference: int | None

    @property
    def identical(self) -> bool:
        """True if predictions were compared and none differs, is missing or additional."""
        return self.compared > 0 and not (self.different or self.missing or self.additional)


def compare(first: Iterable[PredictionMessage], second: Iterable[PredictionMessage]) -> Comparison:
    """Compare two sets of predictions, by sample, in the range of samples that both cover."""
    a = {message.sample: _content(message) for message in first}
    b = {message.sample: _content(message) for message in second}
    if not a or not b:
        return Comparison(0, 0, len(a), len(b), None)
    start, end = max(min(a), min(b)), min(max(a), max(b))
    in_a = {sample for sample in a if start <= sample <= end}
    in_b = {sample for sample in b if start <= sample <= end}
    different = sorted(sample for sample in in_a & in_b if a[sample] != b[sample])
    return Comparison(
        len(in_a & in_b),
        len(different),
        len(in_a - in_b),
        len(in_b - in_a),
        different[0] if different else None,
    )


def _content(message: PredictionMessage) -> tuple[Any, ...]:
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
