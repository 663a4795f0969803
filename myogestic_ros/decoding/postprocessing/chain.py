"""Post-processing of predictions: the chain of all stages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from myogestic_ros.core.parameters import defaults
from myogestic_ros.core.pipeline.prediction import Prediction, named_values, predicted_label
from myogestic_ros.decoding.postprocessing.dead_zone import DeadZone
from myogestic_ros.decoding.postprocessing.decisions import (
    ChangeRejection,
    ConfidenceRejection,
    MajorityVote,
    VelocityRamp,
)
from myogestic_ros.decoding.postprocessing.parameters import POST, thresholds_from_rows
from myogestic_ros.decoding.postprocessing.vector_filters import GaussianFilter, OneEuroFilter

__all__ = ['PostProcessingChain']


class PostProcessingChain:
    """Apply the post-processing to each prediction, after ``predict``.

    Decisions pass rejection by probability, majority vote, hysteresis and velocity ramp, in this
    order; degrees of freedom pass smoothing and dead zone. Times are those of the samples, so that
    a replayed recording gives the same result at any speed. All stages are reset after lost samples
    and by `reset`. Thread-safe: parameters may change while another thread predicts.

    Parameters
    ----------
    values : mapping of str to object
        Values of the parameters in `POST`; missing ones have their default.
    predict_hz : callable
        Returns the prediction rate, Hz; 0 or less: one prediction per frame.
    warn : callable
        Called with a sentence whenever a stage cannot be applied.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        predict_hz: Callable[[], float] = lambda: 0.0,
        warn: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._lock = threading.RLock()
        self._predict_hz = predict_hz
        self._warn = warn
        self._stages: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._segment: int | None = None
        self._stamp_ns = 0
        self._last_period_s = 0.0
        self.set_parameters(values or {})

    def set_parameters(self, values: Mapping[str, Any]) -> None:
        """Set the parameters; stages whose parameters do not change keep their state.

        Parameters
        ----------
        values : mapping of str to object
            Values of the parameters in `POST`; missing ones have their default.
        """
        with self._lock:
            self._build({**defaults(POST), **values})

    def _build(self, v: Mapping[str, Any]) -> None:
        below, by_class = v['post.reject_below'], thresholds_from_rows(v['post.reject_below_of'])
        by_rows = tuple(sorted(by_class.items()))
        euro = tuple(
            v[f'post.one_euro.{name}'] for name in ('min_cutoff', 'beta', 'derivative_cutoff')
        )
        gauss = (v['post.gaussian.vectors'], v['post.gaussian.sigma'])
        zone = (v['post.dead_zone'], v['post.dead_zone_hysteresis'])
        smoothing = v['post.smoothing']
        before_change = self._stages
        self._stages = {}

        def stage(name: str, wanted: Any, config: tuple[Any, ...], make: Any) -> Any:
            if not wanted:
                return None
            before, old = before_change.get(name, (None, None))
            self._stages[name] = (config, old if before == config else make())
            return self._stages[name][1]

        self._rejection: ConfidenceRejection | None = stage(
            'rejection',
            below > 0 or by_class,
            (below, by_rows),
            lambda: ConfidenceRejection(below, by_class),
        )
        votes, equal, rise_s = (
            v[f'post.{n}'] for n in ('majority_vote', 'change_after', 'velocity_ramp')
        )
        self._vote: MajorityVote | None = stage(
            'vote', votes > 1, (votes,), lambda: MajorityVote(votes)
        )
        self._change: ChangeRejection | None = stage(
            'change', equal > 1, (equal,), lambda: ChangeRejection(equal)
        )
        self._ramp: VelocityRamp | None = stage(
            'ramp', rise_s > 0, (rise_s,), lambda: VelocityRamp(rise_s)
        )
        self._euro: OneEuroFilter | None = stage(
            'one euro', smoothing == 'one_euro', euro, lambda: OneEuroFilter(50.0, *euro)
        )
        self._gauss: GaussianFilter | None = stage(
            'gaussian', smoothing == 'gaussian', gauss, lambda: GaussianFilter(*gauss)
        )
        self._zone: DeadZone | None = stage(
            'dead zone', zone[0] > 0, zone, lambda: DeadZone(*zone)
        )

    def reset(self) -> None:
        """Discard the state of all stages."""
        with self._lock:
            self._segment = None
            for _, stage in self._stages.values():
                if hasattr(stage, 'reset'):
                    stage.reset()

    def process(self, prediction: Prediction) -> dict[str, Any]:
        """Return the values of a prediction after the post-processing.

        Parameters
        ----------
        prediction : Prediction
            Prediction of the decoder; its values are not modified.

        Returns
        -------
        dict
            Values of the prediction with ``label``, the decision after all stages ('' with
            ``rejected`` True if there is none), ``raw_label``, the decision of the decoder,
            ``velocity`` of the ramp, 0 to 1, and the filtered ``dofs``.
        """
        with self._lock:
            return self._process(prediction) if self._stages else prediction.values

    def _process(self, prediction: Prediction) -> dict[str, Any]:
        if prediction.segment != self._segment:
            self.reset()
            self._segment = prediction.segment
            self._stamp_ns = prediction.stamp_ns
        since_s = (prediction.stamp_ns - self._stamp_ns) * 1e-9
        self._last_period_s = since_s or self._last_period_s
        self._stamp_ns = prediction.stamp_ns
        values = dict(prediction.values)
        if 'label' in values or 'class' in values:
            self._process_decision(values, prediction, since_s)
        names, numbers = named_values(values.get('dofs'), ())
        if names:
            values['dofs'] = dict(zip(names, self._process_dofs(numbers, since_s), strict=True))
        return values

    def _process_decision(
        self, values: dict[str, Any], prediction: Prediction, since_s: float
    ) -> None:
        raw = label = predicted_label(values, prediction.class_names)
        if self._rejection is not None and label:
            probability = _probability(values, label, prediction)
            if probability is None:
                self._warn(
                    f"The decoder returns no probability of class '{label}', so "
                    f'post.reject_below has no effect. Return probabilities from predict.'
                )
            else:
                label = self._rejection(label, probability)
        if self._vote is not None:
            label = self._vote(label)
        if self._change is not None:
            label = self._change(label)
        if self._rejection or self._vote or self._change:
            values['label'], values['raw_label'] = label, raw
            if not label:
                values['rejected'] = True
        if self._ramp is not None:
            values['velocity'] = self._ramp(label, since_s)

    def _process_dofs(self, numbers: list[float], since_s: float) -> list[float]:
        vector = np.array(numbers, np.float64)
        if self._euro is not None:
            vector = self._euro.step(vector, since_s)
        if self._gauss is not None:
            vector = self._gauss(vector)
        if self._zone is not None:
            vector = self._zone(vector)
        result: list[float] = vector.tolist()
        return result

    @property
    def decision_delay_ms(self) -> float:
        """Delay that the stages add to a change of decision, ms."""
        ticks = sum(stage.delay_ticks for stage in (self._vote, self._change) if stage)
        return 1e3 * ticks * self._tick_s()

    @property
    def dof_delay_ms(self) -> float:
        """Delay that the filters add to the degrees of freedom, ms; the maximum for One Euro."""
        period_s = self._tick_s()
        return 1e3 * sum(s.delay_s(period_s) for s in (self._euro, self._gauss) if s)

    def _tick_s(self) -> float:
        """Return the time between two ticks, s; the last measured one if the rate is not set."""
        hz = self._predict_hz()
        return 1.0 / hz if hz > 0 else self._last_period_s

    def __str__(self) -> str:
        """Return the stages and the delay that they add; '' for an empty chain."""
        if not self._stages:
            return ''
        decision_stages = {'rejection', 'vote', 'change', 'ramp'} & self._stages.keys()
        dof_stages = self._stages.keys() - decision_stages
        delays = [
            *([f'{self.decision_delay_ms:.0f} ms to decisions'] if decision_stages else []),
            *([f'up to {self.dof_delay_ms:.0f} ms to degrees of freedom'] if dof_stages else []),
        ]
        return f'{", ".join(self._stages)}: adds {" and ".join(delays)}'


def _probability(values: dict[str, Any], label: str, prediction: Prediction) -> float | None:
    for key in ('probabilities', 'proba'):
        names, numbers = named_values(values.get(key), prediction.class_names)
        if label in names:
            return numbers[names.index(label)]
    return None
