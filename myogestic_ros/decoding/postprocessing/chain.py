"""What comes after the decoder: its decisions and values made fit to drive something."""

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
from myogestic_ros.decoding.postprocessing.parameters import POST, thresholds_of
from myogestic_ros.decoding.postprocessing.vector_filters import GaussianFilter, OneEuroFilter

__all__ = ['PostProcessingChain']


class PostProcessingChain:
    """Everything that a prediction passes through after ``predict``, in this order.

    Decisions: rejection by probability, majority vote, rejection of changes, velocity ramp.
    Degrees of freedom: smoothing, dead zone. Time is that of the samples, so a recording gives
    the same at any speed. All of it forgets when samples were lost, and on `reset`.

    Parameters
    ----------
    values : mapping of str to object
        Values of the parameters in `POST`; those that are missing have their default.
    predict_hz : callable
        Returns how many ticks a second there should be; 0 or less: one per frame.
    tell : callable
        Gets a sentence when something cannot be done, as often as it happens.

    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        predict_hz: Callable[[], float] = lambda: 0.0,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._lock = threading.RLock()  # parameters change while another thread predicts
        self._predict_hz = predict_hz
        self._tell = tell
        self._made: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._segment: int | None = None
        self._stamp_ns = 0
        self._last_period_s = 0.0
        self.use(values or {})

    def use(self, values: Mapping[str, Any]) -> None:
        """Take other values from now on; what does not change goes on as it is."""
        with self._lock:
            self._use({**defaults(POST), **values})

    def _use(self, v: Mapping[str, Any]) -> None:
        below, by_class = v['post.reject_below'], thresholds_of(v['post.reject_below_of'])
        by_rows = tuple(sorted(by_class.items()))
        euro = tuple(
            v[f'post.one_euro.{name}'] for name in ('min_cutoff', 'beta', 'derivative_cutoff')
        )
        gauss = (v['post.gaussian.vectors'], v['post.gaussian.sigma'])
        zone = (v['post.dead_zone'], v['post.dead_zone_hysteresis'])
        smoothing = v['post.smoothing']
        made = self._made
        self._made = {}

        def stage(name: str, wanted: Any, config: tuple[Any, ...], make: Any) -> Any:
            if not wanted:
                return None
            before, old = made.get(name, (None, None))
            self._made[name] = (config, old if before == config else make())
            return self._made[name][1]

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
        """Forget the predictions so far."""
        with self._lock:
            self._segment = None
            for _, made in self._made.values():
                if hasattr(made, 'reset'):
                    made.reset()

    # -- at each tick -------------------------------------------------------------------------

    def process(self, prediction: Prediction) -> dict[str, Any]:
        """Return the values of a prediction as they leave the chain.

        ``label`` is the decision after it all; '' with ``rejected`` true when there is none.
        ``raw_label`` is what the decoder had decided, ``velocity`` what the ramp gives.
        """
        with self._lock:
            return self._process(prediction) if self._made else prediction.values

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
            self._decide(values, prediction, since_s)
        names, numbers = named_values(values.get('dofs'), ())
        if names:
            values['dofs'] = dict(zip(names, self._move(numbers, since_s), strict=True))
        return values

    def _decide(self, values: dict[str, Any], prediction: Prediction, since_s: float) -> None:
        raw = label = predicted_label(values, prediction.class_names)
        if self._rejection is not None and label:
            probability = _probability(values, label, prediction)
            if probability is None:
                self._tell(
                    f"The decoder gives no probability of '{label}', so nothing is rejected for "
                    f'a low one (post.reject_below).'
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

    def _move(self, numbers: list[float], since_s: float) -> list[float]:
        vector = np.array(numbers, np.float64)
        if self._euro is not None:
            vector = self._euro.step(vector, since_s)
        if self._gauss is not None:
            vector = self._gauss(vector)
        if self._zone is not None:
            vector = self._zone(vector)
        moved: list[float] = vector.tolist()
        return moved

    # -- what it costs ------------------------------------------------------------------------

    @property
    def decision_delay_ms(self) -> float:
        """How much later a change of the decision comes out than it went in, ms."""
        ticks = sum(stage.delay_ticks for stage in (self._vote, self._change) if stage)
        return 1e3 * ticks * self._tick_s()

    @property
    def dof_delay_ms(self) -> float:
        """How much later the degrees of freedom come out, ms; of One Euro the most, at rest."""
        period_s = self._tick_s()
        return 1e3 * sum(s.delay_s(period_s) for s in (self._euro, self._gauss) if s)

    def _tick_s(self) -> float:
        """Return the time between two ticks, s; the last there was, when nobody says."""
        hz = self._predict_hz()
        return 1.0 / hz if hz > 0 else self._last_period_s

    def __str__(self) -> str:
        """Say what there is in the chain, and the delay that it adds; '' when it is empty."""
        if not self._made:
            return ''
        decided = {'rejection', 'vote', 'change', 'ramp'} & self._made.keys()
        moved = self._made.keys() - decided
        delays = [
            *([f'{self.decision_delay_ms:.0f} ms to decisions'] if decided else []),
            *([f'up to {self.dof_delay_ms:.0f} ms to degrees of freedom'] if moved else []),
        ]
        return f'{", ".join(self._made)}: adds {" and ".join(delays)}'


def _probability(values: dict[str, Any], label: str, prediction: Prediction) -> float | None:
    for key in ('probabilities', 'proba'):
        names, numbers = named_values(values.get(key), prediction.class_names)
        if label in names:
            return numbers[names.index(label)]
    return None
