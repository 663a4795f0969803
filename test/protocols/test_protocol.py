"""A protocol file: what it says, in which order, and everything that is wrong with it."""

from __future__ import annotations

from collections import Counter

import pytest
from support.paths import ROOT

from myogestic_ros.core.errors import ProtocolError
from myogestic_ros.protocols.protocol_file import read_protocol
from myogestic_ros.protocols.schedule import Schedule

EXAMPLES = sorted(ROOT.glob('config/protocols/*.yaml'))


@pytest.fixture
def read(tmp_path):
    """Read a protocol from its text."""

    def reading(text):
        file = tmp_path / 'some protocol.yaml'
        file.write_text(text)
        return read_protocol(file)

    return reading


def faults(read, text):
    """Return what is wrong with a text, line by line."""
    with pytest.raises(ProtocolError) as error:
        read(text)
    first, *rest = str(error.value).splitlines()
    assert 'some protocol.yaml' in first
    return [line.strip() for line in rest]


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_right(path):
    protocol = read_protocol(path)
    plan = Schedule.of(protocol)
    assert 60 < plan.duration_s < 300
    given = Counter(step.name for step in plan.steps if step.phase == 'hold')
    assert given == dict.fromkeys((cue.name for cue in protocol.cues), protocol.repetitions)


def test_there_are_examples():
    assert {'eight_movements', 'wrist_and_grip'} <= {path.stem for path in EXAMPLES}


def test_what_is_not_said_has_a_default(read):
    protocol = read('classes: [fist, open]')
    assert protocol.name == 'some protocol'
    assert protocol.class_names == ('fist', 'open')
    assert (protocol.repetitions, protocol.countdown_s, protocol.rest_s) == (3, 3.0, 2.0)
    assert [cue.hold_s for cue in protocol.cues] == [3.0, 3.0]
    assert protocol.dofs == ()


def test_a_fixed_order_is_that_of_the_file(read):
    protocol = read('classes: [c, a, b]\nrepetitions: 2')
    assert [cue.name for cue in protocol.sequence()] == ['c', 'a', 'b'] * 2


@pytest.mark.parametrize('n_classes', [1, 2, 3, 8])
def test_a_random_order_is_balanced(read, n_classes):
    names = [f'class{n}' for n in range(n_classes)]
    orders = set()
    for seed in range(40):
        protocol = read(f'classes: {names}\nrepetitions: 10\norder: random\nseed: {seed}')
        order = [cue.name for cue in protocol.sequence()]
        assert order == [cue.name for cue in protocol.sequence()]  # the same seed, the same order
        blocks = [order[i : i + n_classes] for i in range(0, len(order), n_classes)]
        assert all(sorted(block) == sorted(names) for block in blocks)
        if n_classes > 1:
            assert all(a != b for a, b in zip(order, order[1:], strict=False))
        orders.add(tuple(order))
    assert len(orders) > (10 if n_classes > 2 else 1 if n_classes == 2 else 0)


def test_every_first_cue_is_as_likely_as_any_other(read):
    """What keeps a cue from following itself must not push another one to the front."""
    seconds = Counter()
    for seed in range(600):
        protocol = read(f'classes: [a, b, c]\nrepetitions: 2\norder: random\nseed: {seed}')
        seconds[protocol.sequence()[3].name] += 1
    assert all(150 < seconds[name] < 250 for name in 'abc')


def test_all_faults_are_named_with_their_lines(read):
    text = """\
name: 3
kind: cues
classes:
  - rest
  - off
  - fist
  - fist
  - ''
hold: three
rest: -1
repetitions: 2.5
rest_class: wave
oder: random
seed: .nan
countdown: .inf
order: sorted
"""
    found = faults(read, text)
    assert [line.split(':')[0] for line in found] == [
        f'line {n}' for n in (1, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    ]
    told = '\n'.join(found)
    assert "classes: got False, expected a name; in quotes: 'off', '1'." in told
    assert "classes: 'fist' stands here again" in told
    assert "hold: got 'three', expected a number." in told
    assert 'rest: got -1, expected 0 to 3600.' in told
    assert "rest_class: got 'wave', expected one of the classes" in told
    assert 'oder is unknown, expected name, kind' in told
    assert "order: got 'sorted', expected one of fixed, random." in told


def test_all_faults_of_ramps_are_named_with_their_lines(read):
    text = """\
kind: ramps
hold: 3
ramps:
  - name: a
    shape: saw
    amplitudes: {wrist: 2, 3: 1}
  - shape: sine
    amplitudes: {}
    rise: 3
  - 7
  - {name: a, amplitudes: {grip: 0.5}, period: 2}
"""
    found = faults(read, text)
    assert [line.split(':')[0] for line in found] == [
        f'line {n}' for n in (2, 5, 6, 6, 7, 8, 9, 10, 11, 11)
    ]
    told = '\n'.join(found)
    assert 'amplitudes: wrist: got 2, expected -1 to 1.' in told
    assert 'rise: a sine has none.' in told
    assert 'period: a trapezoid has none.' in told


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('a: [', 'is not valid YAML: line 1'),
        ('', 'holds no fields'),
        ('- fist', 'holds no fields'),
        ('classes: [a]\nclasses: [b]', "line 2: duplicate key 'classes', first given in line 1."),
        ('hold: 2', 'classes: got none, expected one to hold, or more.'),
        ('classes: 3', 'classes: got 3, expected a list.'),
        ('classes: {a: 1}', 'expected a list.'),
        ('classes: [rest]\nrest_class: rest', 'got rest, expected one to hold'),
        ('classes: [rest, a]\nrest_class: rest\nrest: 0', 'expected time for the class of rest'),
        ('classes: [a]\nhold: 3600\nrepetitions: 1000', 'expected a day at most'),
        ('classes: &x [*x]', 'line 1: an alias contains itself.'),
        ('kind: ramps', 'ramps: got 0, expected 1 to 1000 of them.'),
        ('kind: ramps\nramps: 3', 'ramps: got 3, expected a list.'),
        ('kind: 3', 'kind: got 3'),
        ('x' * 2**21, 'larger than 1 MiB'),
    ],
)
def test_what_is_no_protocol_is_refused(read, text, told):
    with pytest.raises(ProtocolError) as error:
        read(text)
    assert told in str(error.value)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(ProtocolError, match='No such file'):
        read_protocol(tmp_path / 'none.yaml')
    with pytest.raises(ProtocolError, match='Is a directory'):
        read_protocol(tmp_path)
    (tmp_path / 'binary.yaml').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ProtocolError, match='is not UTF-8 text'):
        read_protocol(tmp_path / 'binary.yaml')
