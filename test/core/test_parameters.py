"""Tests of parameter tables."""

from __future__ import annotations

import pytest

from myogestic_ros.core.parameters import Parameter, check_values, defaults

TABLE = [
    Parameter('rate', 50.0, 'Hz', minimum=0.0, maximum=1000.0),
    Parameter('count', 3, 'how many', minimum=1),
    Parameter('loud', False, 'loud or not'),
    Parameter('name', 'x', 'any'),
    Parameter('kind', 'a', 'which', choices=('a', 'b')),
    Parameter('streams', [''], 'names'),
]


def test_defaults_are_valid():
    assert check_values(TABLE, defaults(TABLE)) == []


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('rate', 0.0),
        ('rate', 1000),
        ('count', 10**9),
        ('loud', True),
        ('name', ''),
        ('kind', 'b'),
        ('streams', ['a', 'b']),
    ],
)
def test_valid_values_have_no_errors(name, value):
    assert check_values(TABLE, {name: value}) == []


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('rate', -0.1, 'rate: got -0.1, expected 0 to 1000'),
        ('rate', 1000.1, 'rate: got 1000.1, expected 0 to 1000'),
        ('rate', float('nan'), 'rate: got nan, expected 0 to 1000'),
        ('rate', float('inf'), 'rate: got inf, expected 0 to 1000'),
        ('rate', '50', "rate: got '50', expected a number"),
        ('rate', True, 'rate: got True, expected float'),
        ('count', 0, 'count: got 0, expected 1 to inf'),
        ('count', 2.0, 'count: got 2.0, expected a whole number'),
        ('count', False, 'count: got False, expected int'),
        ('loud', 1, 'loud: got 1, expected bool'),
        ('name', 5, 'name: got 5, expected a string'),
        ('kind', 'c', "kind: got 'c', expected one of a, b"),
        ('streams', 'emg', "streams: got 'emg', expected a list"),
        ('streams', 5, 'streams: got 5, expected a list'),
        ('colour', 'red', 'colour: unknown, expected one of count, kind, loud, name, rate'),
    ],
)
def test_invalid_value_has_one_error(name, value, words):
    (error,) = check_values(TABLE, {name: value})
    assert error.startswith(words)


def test_all_errors_are_reported_at_once():
    assert len(check_values(TABLE, {'rate': -1, 'count': 0, 'kind': 'z', 'nope': 1})) == 4
