"""A decoder's dict as a Prediction message, which loses nothing; and what a hand needs of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import KeyValue

from myogestic_ros.control.intent import Intent
from myogestic_ros.control.reason import Reason
from myogestic_ros.core.pipeline.prediction import Prediction, named_values, predicted_label
from myogestic_ros.msg import Prediction as PredictionMessage

__all__ = ['intent_from_ros', 'prediction_to_ros']


def prediction_to_ros(prediction: Prediction, frame_id: str = '') -> PredictionMessage:
    """Return the message of a prediction.

    Keys of the dict with a field of their own: ``label`` (str), ``class`` (name, or index into
    the class names), ``probabilities`` (by class name, or a sequence in the order of the class
    names; MyoGestic's ``proba`` will do), ``dofs`` (by name). Every other key, and one of these
    whose value is not of that kind, becomes a key/JSON pair in ``extra``.
    """
    rest = dict(prediction.values)
    message = PredictionMessage(
        sample=prediction.sample,
        model_id=prediction.model_id,
        compute_time=prediction.compute_s,
    )
    message.header.stamp = Time(
        sec=prediction.stamp_ns // 10**9, nanosec=prediction.stamp_ns % 10**9
    )
    message.header.frame_id = frame_id
    for key in ('probabilities', 'proba'):
        names, values = named_values(rest.get(key), prediction.class_names)
        if names:
            del rest[key]
            message.class_names, message.probabilities = names, values
            break
    names, values = named_values(rest.get('dofs'), ())
    if names:
        del rest['dofs']
        message.dof_names, message.dof_values = names, values
    message.label = predicted_label(rest, prediction.class_names)
    for key in ('label', 'class'):
        if isinstance(rest.get(key), str):
            del rest[key]
            break
    message.extra = [KeyValue(key=str(key), value=_json(value)) for key, value in rest.items()]
    return message


def intent_from_ros(
    message: PredictionMessage,
    info: Mapping[str, Any],
    count_publishers: Callable[[], int],
    extra_key: str = '',
) -> Intent:
    """Return what a Prediction message asks of a hand.

    Parameters
    ----------
    message : Prediction
        The message.
    info : mapping
        What rclpy knows of the message, among it who published it; before Kilted it does not.
    count_publishers : callable
        Returns how many publish on the topic; asked when it is not known who did.
    extra_key : str
        Key in ``extra`` that is needed, if its value is a number.
    """
    gid = info.get('publisher_gid')
    format_error = None
    for kind, names, numbers in (
        ('probabilities', message.class_names, message.probabilities),
        ('values of degrees of freedom', message.dof_names, message.dof_values),
    ):
        if len(names) != len(numbers):
            format_error = Reason(
                'malformed', f'It has {len(names)} names for {len(numbers)} {kind}.'
            )
    return Intent(
        label=message.label,
        probabilities=dict(zip(message.class_names, message.probabilities)),  # noqa: B905
        dofs=dict(zip(message.dof_names, message.dof_values)),  # noqa: B905
        extra=_numbers(message.extra, extra_key),
        publisher=bytes(gid['data']).hex() if gid else message.model_id,
        other_publishers=0 if gid else count_publishers() - 1,
        format_error=format_error,
    )


def _numbers(pairs: Sequence[KeyValue], wanted: str) -> dict[str, float]:
    found = {}
    for pair in pairs:
        if wanted and pair.key == wanted:
            try:
                found[wanted] = float(json.loads(pair.value))
            except (ValueError, TypeError):
                continue
    return found


def _json(value: Any) -> str:
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return repr(value)
