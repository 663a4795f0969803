"""Protocol files: content, order of the cues, and error messages."""

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
    """Return a function that reads a protocol from a text."""

    def reading(text):
        file = tmp_path / 'some protocol.yaml'
        file.write_text(text)
        return read_protocol(file)

    return reading


def errors(read, text):
    """Return the errors of a protocol, one per line."""
    with pytest.raises(ProtocolError) as error:
        read(text)
    first, *rest = str(error.value).splitlines()
    assert 'some protocol.yaml' in first
    return [line.strip() for line in rest]


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.stem)
def test_read_protocol_accepts_the_shipped_protocols(path):
    protocol = read_protocol(path)
    schedule = Schedule.from_protocol(protocol)
    assert 60 < schedule.duration_s < 300
    given = Counter(step.name for step in schedule.steps if step.phase == 'hold')
    assert given == dict.fromkeys((cue.name for cue in protocol.cues), protocol.repetitions)


def test_shipped_protocols_exist():
    assert {'eight_movements', 'wrist_and_grip'} <= {path.stem for path in EXAMPLES}


def test_read_protocol_uses_defaults_for_missing_fields(read):
    protocol = read('classes: [fist, open]')
    assert protocol.name == 'some protocol'
    assert protocol.class_names == ('fist', 'open')
    assert (protocol.repetitions, protocol.countdown_s, protocol.rest_s) == (3, 3.0, 2.0)
    assert [cue.hold_s for cue in protocol.cues] == [3.0, 3.0]
    assert protocol.dofs == ()


def test_fixed_order_follows_the_file(read):
    protocol = read('classes: [c, a, b]\nrepetitions: 2')
    assert [cue.name for cue in protocol.sequence()] == ['c', 'a', 'b'] * 2


@pytest.mark.parametrize('n_classes', [1, 2, 3, 8])
def test_random_order_is_balanced(read, n_classes):
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


def test_random_order_starts_each_block_with_any_cue_equally_often(read):
    """The rule that no cue follows itself must not favour another cue."""
    seconds = Counter()
    for seed in range(600):
        protocol = read(f'classes: [a, b, c]\nrepetitions: 2\norder: random\nseed: {seed}')
        seconds[protocol.sequence()[3].name] += 1
    assert all(150 < seconds[name] < 250 for name in 'abc')


def test_read_protocol_reports_all_errors_with_their_lines(read):
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
    found = errors(read, text)
    assert [line.split(':')[0] for line in found] == [
        f'line {n}' for n in (1, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    ]
    message = '\n'.join(found)
    assert (
        "classes: got False, expected a name, in quotes if YAML reads it as a value: 'off', '1'."
        in message
    )
    assert "classes: 'fist' is repeated" in message
    assert "hold: got 'three', expected a number." in message
    assert 'rest: got -1, expected 0 to 3600.' in message
    assert "rest_class: got 'wave', expected one of the classes" in message
    assert 'oder is unknown, expected name, kind' in message
    assert "order: got 'sorted', expected one of fixed, random." in message


def test_read_protocol_reports_all_errors_of_ramps_with_their_lines(read):
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
    found = errors(read, text)
    assert [line.split(':')[0] for line in found] == [
        f'line {n}' for n in (2, 5, 6, 6, 7, 8, 9, 10, 11, 11)
    ]
    message = '\n'.join(found)
    assert 'amplitudes: wrist: got 2, expected -1 to 1.' in message
    assert 'rise: a sine does not have this field.' in message
    assert 'period: a trapezoid does not have this field.' in message


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a: [', 'is not valid YAML: line 1'),
        ('', 'has no fields'),
        ('- fist', 'has no fields'),
        ('classes: [a]\nclasses: [b]', "line 2: duplicate key 'classes', first given in line 1."),
        ('hold: 2', 'classes: got none, expected at least one class with a cue.'),
        ('classes: 3', 'classes: got 3, expected a list.'),
        ('classes: {a: 1}', 'expected a list.'),
        ('classes: [rest]\nrest_class: rest', 'got rest, expected at least one class with a cue'),
        (
            'classes: [rest, a]\nrest_class: rest\nrest: 0',
            'expected a time above 0 s for the rest class',
        ),
        ('classes: [a]\nhold: 3600\nrepetitions: 1000', 'expected at most 24 h'),
        ('classes: &x [*x]', 'line 1: an alias contains itself.'),
        ('kind: ramps', 'ramps: got 0, expected 1 to 1000.'),
        ('kind: ramps\nramps: 3', 'ramps: got 3, expected a list.'),
        ('kind: 3', 'kind: got 3'),
        ('x' * 2**21, 'larger than 1 MiB'),
    ],
)
def test_read_protocol_rejects_invalid_content(read, text, message):
    with pytest.raises(ProtocolError) as error:
        read(text)
    assert message in str(error.value)


def test_read_protocol_rejects_unreadable_files(tmp_path):
    with pytest.raises(ProtocolError, match='No such file'):
        read_protocol(tmp_path / 'none.yaml')
    with pytest.raises(ProtocolError, match='Is a directory'):
        read_protocol(tmp_path)
    (tmp_path / 'binary.yaml').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ProtocolError, match='is not UTF-8 text'):
        read_protocol(tmp_path / 'binary.yaml')
