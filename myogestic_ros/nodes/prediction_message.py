"""A decoder's dict as a Prediction message: nothing that it returns is lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import KeyValue

from myogestic_ros.core.prediction import Prediction, label_in, named_numbers
from myogestic_ros.msg import Prediction as PredictionMessage

__all__ = ['prediction_to_ros']


def prediction_to_ros(prediction: Prediction, frame_id: str = '') -> PredictionMessage:
    """Return the message of a prediction.

    Keys of the dict with a field of their own: ``label`` (str), ``class`` (name, or index into
    the class names), ``probabilities`` (by class name, or a sequence in the order of the class
    names; MyoGestic's ``proba`` will do), ``dofs`` (by name). Every other key, and one of these whose value is not of that
    kind, becomes a key/JSON pair in ``extra``.
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
        names, values = named_numbers(rest.get(key), prediction.class_names)
        if names:
            del rest[key]
            message.class_names, message.probabilities = names, values
            break
    names, values = named_numbers(rest.get('dofs'), ())
    if names:
        del rest['dofs']
        message.dof_names, message.dof_values = names, values
    message.label = label_in(rest, prediction.class_names)
    for key in ('label', 'class'):
        if isinstance(rest.get(key), str):
            del rest[key]
            break
    message.extra = [KeyValue(key=str(key), value=_json(value)) for key, value in rest.items()]
    return message


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
