"""Post-processing: each stage, the chain, and the delay that it reports."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.core.pipeline.prediction import Prediction
from myogestic_ros.decoding.postprocessing.chain import PostProcessingChain
from myogestic_ros.decoding.postprocessing.dead_zone import DeadZone
from myogestic_ros.decoding.postprocessing.decisions import (
    ChangeRejection,
    MajorityVote,
    VelocityRamp,
)
from myogestic_ros.decoding.postprocessing.parameters import POST

HZ = 50.0
NAMES = ('rest', 'fist', 'open')


def chain(**values):
    """Create a chain; ``__`` in a name stands for a dot."""
    return PostProcessingChain(
        {f'post.{k.replace("__", ".")}': v for k, v in values.items()}, lambda: HZ
    )


def tick(number, values, segment=1):
    return Prediction(
        values, 40 * number, round(number * 1e9 / HZ), 0.0, 'm', NAMES, segment=segment
    )


def decided(work, labels, probability=1.0, segments=None):
    """Return the labels after the post-processing."""
    out = []
    for number, name in enumerate(labels):
        values = {'label': name, 'probabilities': {name: probability}}
        segment = segments[number] if segments else 1
        out.append(work.process(tick(number, values, segment))['label'])
    return out


def test_empty_chain_changes_nothing():
    values = {'label': 'fist', 'class': 1, 'dofs': {'a': 0.001}}
    assert PostProcessingChain().process(tick(0, values)) is values
    assert str(PostProcessingChain()) == ''


@pytest.mark.parametrize(
    'answer',
    [
        {'label': 'fist', 'probabilities': {'rest': 0.2, 'fist': 0.8}},
        {'class': 1, 'probabilities': np.array([0.2, 0.8, 0.0])},
        {'class': 1, 'proba': [0.2, 0.8, 0.0]},
        {'class': 'fist', 'probabilities': {'fist': np.float32(0.8)}},
    ],
)
@pytest.mark.parametrize(
    ('below', 'of', 'accepted'),
    [
        (0.7, [''], True),
        (0.9, [''], False),
        (0.9, ['fist: 0.5'], True),
        (0.0, ['fist:0.85', 'rest: 0'], False),
        (0.0, ['rest: 1.0'], True),
    ],
)
def test_decision_of_low_probability_is_rejected(answer, below, of, accepted):
    before = dict(answer)
    out = chain(reject_below=below, reject_below_of=of).process(tick(0, answer))
    assert out['label'] == ('fist' if accepted else '')
    assert out.get('rejected', False) is not accepted
    assert out['raw_label'] == 'fist'
    assert answer.keys() == before.keys()


def test_missing_probabilities_reject_nothing_and_give_a_warning():
    warnings = []
    work = PostProcessingChain({'post.reject_below': 0.9}, warn=warnings.append)
    assert work.process(tick(0, {'label': 'fist'}))['label'] == 'fist'
    assert 'returns no probability of class' in warnings[0]


def test_thresholds_are_validated():
    row = next(row for row in POST if row.name == 'post.reject_below_of')
    for wrong in ('fist', 'fist: x', ': 0.5', 'fist: 1.5', 'fist: nan'):
        assert "as in 'fist: 0.9'" in row.validation_error([wrong])
    assert row.validation_error(['fist: 0.9', 'point: at: 0.1', '']) is None


def test_majority_vote_returns_the_most_frequent_decision():
    vote = MajorityVote(5)
    out = [vote(label) for label in 'aaabaabbb']
    assert ''.join(out) == 'aaaaaaabb'
    two = MajorityVote(2)
    assert ''.join(two(label) for label in 'aba') == 'aba'  # of two, the latest


def test_decision_changes_after_equal_decisions():
    change = ChangeRejection(3)
    out = [change(label) or '-' for label in 'aaabbaaacbbb']
    assert ''.join(out) == '--aaaaaaaaab'


def test_velocity_continues_after_a_short_error():
    ramp = VelocityRamp(1.0)
    held = [ramp('fist', 0.1) for _ in range(12)]
    assert held[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert held[-1] == 1.0
    assert ramp('open', 0.1) == pytest.approx(0.1)
    assert ramp('fist', 0.1) == pytest.approx(0.9)
    assert ramp('', 0.1) == 0.0
    for _ in range(6):
        ramp('open', 0.1)
    assert ramp('fist', 0.1) == pytest.approx(0.1)


def test_dead_zone_has_hysteresis_and_keeps_one():
    zone = DeadZone(0.2, 0.1)
    out = [zone(np.array([v, -v]))[0] for v in (0.1, 0.25, 0.31, 0.25, 0.21, 0.19, 0.25, 1.0)]
    assert out == pytest.approx([0, 0, 0.1375, 0.0625, 0.0125, 0, 0, 1.0])
    assert zone(np.array([0.5, -1.0])).tolist() == pytest.approx([0.375, -1.0])


@pytest.mark.parametrize(
    'values',
    [
        {'majority_vote': 5},
        {'majority_vote': 4},
        {'change_after': 3},
        {'majority_vote': 3, 'change_after': 2},
    ],
)
def test_reported_delay_of_decisions_is_the_actual_delay(values):
    work = chain(**values)
    out = decided(work, ['rest'] * 20 + ['fist'] * 20)
    assert (out.index('fist') - 20) * 1000 / HZ == pytest.approx(work.decision_delay_ms)
    assert f'adds {work.decision_delay_ms:.0f} ms to decisions' in str(work)


def test_reported_delay_of_slow_movements_is_the_actual_delay():
    for values in (
        {'smoothing': 'gaussian', 'gaussian__vectors': 7, 'gaussian__sigma': 2.0},
        {'smoothing': 'one_euro', 'one_euro__min_cutoff': 2.0, 'one_euro__beta': 0.0},
    ):
        work = chain(**values)
        out = [work.process(tick(n, {'dofs': {'a': n / HZ}}))['dofs']['a'] for n in range(200)]
        assert 1e3 * (199 / HZ - out[-1]) == pytest.approx(work.dof_delay_ms, rel=0.01)
        assert 'to degrees of freedom' in str(work)


def test_one_euro_delays_fast_movements_less():
    def lag(beta):
        work = chain(smoothing='one_euro', one_euro__beta=beta)
        out = [
            work.process(tick(n, {'dofs': {'a': min(1.0, n / 10)}}))['dofs']['a']
            for n in range(30)
        ]
        return next(n for n, value in enumerate(out) if value > 0.9)

    assert lag(5.0) < lag(0.0)


EVERYTHING = {
    'majority_vote': 5,
    'change_after': 2,
    'velocity_ramp': 0.5,
    'smoothing': 'one_euro',
    'dead_zone': 0.1,
}


def run(work, start, stop, segment=1):
    rng = np.random.default_rng(1)
    answers = [
        {'label': NAMES[rng.integers(3)], 'dofs': {'a': rng.normal(), 'b': rng.normal()}}
        for _ in range(stop)
    ]
    return [work.process(tick(n, answers[n], segment)) for n in range(start, stop)]


@pytest.mark.parametrize('smoothing', ['one_euro', 'gaussian'])
@pytest.mark.parametrize('how', ['gap', 'reset'])
def test_state_is_discarded_after_lost_samples_and_reset(how, smoothing):
    fresh = run(chain(**{**EVERYTHING, 'smoothing': smoothing}), 40, 80)
    work = chain(**{**EVERYTHING, 'smoothing': smoothing})
    run(work, 0, 40)
    if how == 'reset':
        work.reset()
    assert run(work, 40, 80, segment=1 + (how == 'gap')) == fresh


def test_unchanged_stages_keep_their_state_when_parameters_change():
    work = chain(majority_vote=5, smoothing='gaussian')
    decided(work, ['rest'] * 10)
    vote = work._vote
    work.set_parameters({'post.majority_vote': 5, 'post.dead_zone': 0.2})
    assert work._vote is vote
    assert decided(work, ['fist']) == ['rest']
    work.set_parameters({'post.majority_vote': 3})
    assert decided(work, ['fist']) == ['fist']
    work.set_parameters({})
    assert str(work) == ''


def test_other_values_pass_unchanged():
    values = {'features': np.zeros(3), 'dofs': [1, 2]}
    assert chain(**EVERYTHING).process(tick(0, values)) == values
