"""Convert predictions to Prediction messages, and these to intents for a hand."""

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
from myogestic_ros.core.untrusted import parse_json
from myogestic_ros.msg import Prediction as PredictionMessage

__all__ = ['intent_from_ros', 'prediction_to_ros', 'publisher_id']

MAX_NUMBER = 100
"""Largest number of characters of a number in ``extra``."""


def prediction_to_ros(prediction: Prediction, frame_id: str = '') -> PredictionMessage:
    """Return a prediction as a Prediction message, without loss.

    Parameters
    ----------
    prediction : Prediction
        The dict that ``predict`` returned, after post-processing. These keys have fields of
        their own in the message: ``label`` (str), ``class`` (name, or index into the class
        names), ``probabilities`` (mapping by class name, or sequence in the order of the class
        names; ``proba``, MyoGestic's name, is accepted), ``dofs`` (mapping by name). All other
        keys, and these with a value of another type, become key/JSON pairs in ``extra``.
    frame_id : str
        The electrode set.
    """
    remaining = dict(prediction.values)
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
        names, values = named_values(remaining.get(key), prediction.class_names)
        if names:
            del remaining[key]
            message.class_names, message.probabilities = names, values
            break
    names, values = named_values(remaining.get('dofs'), ())
    if names:
        del remaining['dofs']
        message.dof_names, message.dof_values = names, values
    message.label = predicted_label(remaining, prediction.class_names)
    for key in ('label', 'class'):
        if isinstance(remaining.get(key), str):
            del remaining[key]
            break
    message.extra = [
        KeyValue(key=str(key), value=_json(value)) for key, value in remaining.items()
    ]
    return message


def publisher_id(info: Mapping[str, Any]) -> str:
    """Return the identifier of a message's publisher; empty before ROS 2 Kilted."""
    gid = info.get('publisher_gid')
    return bytes(gid['data']).hex() if gid else ''


def intent_from_ros(
    message: PredictionMessage,
    info: Mapping[str, Any],
    count_publishers: Callable[[], int],
    extra_key: str = '',
) -> Intent:
    """Return the intent that a Prediction message expresses.

    Parameters
    ----------
    message : Prediction
        The message; its content is not trusted.
    info : mapping
        Message info of rclpy; has ``publisher_gid`` since ROS 2 Kilted.
    count_publishers : callable
        Returns the number of publishers on the topic; called only without ``publisher_gid``.
    extra_key : str
        Key in ``extra`` to return if its value is a number.
    """
    publisher = publisher_id(info)
    format_error = None
    for kind, names, numbers in (
        ('probabilities', message.class_names, message.probabilities),
        ('values of degrees of freedom', message.dof_names, message.dof_values),
    ):
        if len(names) != len(numbers):
            format_error = Reason(
                'malformed', f'The prediction has {len(names)} names for {len(numbers)} {kind}.'
            )
    return Intent(
        label=message.label,
        probabilities=dict(zip(message.class_names, message.probabilities)),  # noqa: B905
        dofs=dict(zip(message.dof_names, message.dof_values)),  # noqa: B905
        extra=_extra_number(message.extra, extra_key),
        publisher=publisher or message.model_id,
        other_publishers=0 if publisher else count_publishers() - 1,
        format_error=format_error,
    )


def _extra_number(pairs: Sequence[KeyValue], key: str) -> dict[str, float]:
    values = {}
    for pair in pairs:
        if key and pair.key == key:
            try:
                values[key] = float(parse_json(pair.value[:MAX_NUMBER]))
            except (ValueError, TypeError, OverflowError):
                continue
    return values


def _json(value: Any) -> str:
    return json.dumps(value, default=_to_json_type)


def _to_json_type(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return repr(value)
