"""LSL with real outlets in other processes: chosen, refused, killed, restarted."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
import support.lsl  # noqa: F401 - before pylsl
from support.fake_device import check_pattern, check_stamps, fake_device, reading

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.sources.acquisition.libraries import optional_library
from myogestic_ros.sources.devices.lsl import GapFinder, Lsl, class_of_marker, volt_per_unit

pytest.importorskip('pylsl', exc_type=Exception)
pytestmark = pytest.mark.processes
STEP = 0.25e-6


def outlet(**options):
    settings = [f'--set={name}={value}' for name, value in options.items()]
    return fake_device('lsl', '--signal', 'pattern', *settings)


def refusal(source):
    """Return the first failure of a source."""
    with reading(source) as run:
        run.until(lambda: run.failures)
        return str(run.failures[0])


@pytest.mark.parametrize(
    ('unit', 'scale', 'header', 'expected'),
    [
        ('', 0.0, ['microvolts', 'uV', 'µV'], 1e-6),
        ('', 0.0, ['mV'], 1e-3),
        ('', 0.0, ['V ', 'volts'], 1.0),
        ('uV', 0.0, ['', ''], 1e-6),
        ('mV', 0.0, ['uV'], 1e-3),
        ('', 2.5e-7, ['counts'], 2.5e-7),
    ],
)
def test_units_are_taken_from_the_header_or_a_parameter(unit, scale, header, expected):
    assert volt_per_unit(unit, scale, header) == expected


@pytest.mark.parametrize('header', [[''], ['dimensionless'], ['uV', 'mV'], []])
def test_units_are_never_guessed(header):
    with pytest.raises(SourceError, match='set the parameter unit'):
        volt_per_unit('', 0.0, header)


def test_markers_become_classes():
    names: list[str] = []
    assert class_of_marker('fist', names, fixed=False) == (0, 'fist')
    assert class_of_marker(' open ', names, fixed=False) == (1, 'open')
    assert class_of_marker('fist', names, fixed=False) == (0, 'fist')
    assert class_of_marker('', names, fixed=False) == (-1, '')
    assert class_of_marker('None', names, fixed=False) == (-1, '')
    assert class_of_marker('other', names, fixed=True) == (-1, '')


def pieces(finder, stamps_s, size=20):
    """Return the missing samples before each index, of samples that arrive in chunks."""
    found, count = {}, 0
    for start in range(0, len(stamps_s), size):
        part = np.asarray(stamps_s[start : start + size])
        for piece in finder.add(np.zeros((len(part), 1)), part):
            if piece.missing:
                found[count] = piece.missing
            count += len(piece.data)
    return found


def test_gaps_of_hardware_stamps_are_losses():
    kept = np.delete(np.arange(4000), [*range(30, 45), *range(2000, 2020), 3000])
    kept = kept[: (len(kept) // 20) * 20]
    stamps_s = 100.0 + kept / 1000.0 + np.random.default_rng(6).normal(0, 2e-5, len(kept))
    assert pieces(GapFinder(1000.0), stamps_s) == {30: 15, 1985: 20, 2965: 1}


def test_jumps_of_stamps_of_pushing_are_no_losses():
    rng = np.random.default_rng(7)
    ends_s = 100.0 + np.arange(1, 301) * 0.02 + rng.exponential(0.003, 300)
    stamps_s = (ends_s[:, None] - np.arange(19, -1, -1) / 1000.0).ravel()
    found = pieces(GapFinder(1000.0), stamps_s)
    assert sum(found.values()) <= 5  # of 6000 samples


def test_a_library_that_is_missing_is_named_with_its_pip_line():
    with pytest.raises(SourceError, match=r"pip install 'myogestic-ros\[lsl\]'"):
        optional_library('no_such_module_anywhere', 'pylsl>=1.18', 'lsl')


def test_an_outlet_is_found_read_and_given_up():
    with reading(Lsl({})) as run:
        run.until(lambda: run.waiting)
        assert "start the LSL outlet with type 'EMG'" in run.waiting[0]
        with outlet(markers='Cues'):
            run.until(lambda: len(run.chunks()) > 200)
            health = run.source.health()
    (info,) = run.infos
    assert (info.device, info.serial, info.unit) == ('LSL FakeEMG', 'fake-1', 'V')
    assert info.channel_names == tuple(f'E{n}' for n in range(1, 9))
    check_pattern(run.chunks(), STEP)
    check_stamps(run.chunks())
    assert "'FakeEMG' (type EMG, 8 channels, 2000 Hz" in health['outlet']
    assert not run.labels()


def test_markers_are_labels_at_their_time():
    with outlet(markers='Cues'), reading(Lsl({'markers': 'Cues'})) as run:
        assert run.source.HAS_LABELS
        run.until(lambda: len(run.labels()) >= 4)
    names = [label.name for label in run.labels()]
    assert set(names[:2]) == {'fist', ''}
    assert {label.index for label in run.labels()} == {0, -1}
    times_s = np.array([label.stamp_ns for label in run.labels()]) * 1e-9
    assert times_s.min() >= 0
    assert np.median(np.diff(times_s)) == pytest.approx(0.5, abs=0.2)


def test_a_killed_outlet_is_noticed_and_its_successor_is_taken():
    with reading(Lsl({'source_id': 'fake-1'})) as run:
        with outlet() as device:
            run.until(lambda: len(run.chunks()) > 20)
            device.stop(signal.SIGKILL)
            run.until(lambda: run.failures)
            assert str(run.failures[0]).startswith('The LSL outlet has')
        with outlet():
            run.until(lambda: len(run.infos) == 2 and len(run.chunks(connection=1)) > 20)
    for connection in (0, 1):
        check_pattern(run.chunks(connection=connection), STEP)


def test_several_outlets_are_listed_and_one_can_be_chosen():
    with outlet(source_id='left') as left, outlet(source_id='right') as right:
        left.wait('outlet open')
        right.wait('outlet open')
        reason = refusal(Lsl({'name': 'FakeEMG'}))
        assert "Found 2 LSL outlets with name 'FakeEMG', type 'EMG'" in reason
        assert "source_id 'left'" in reason
        assert "source_id 'right'" in reason
        for values in ({'source_id': 'right'}, {'predicate': "contains(source_id,'igh')"}):
            with reading(Lsl(values)) as run:
                run.until(lambda: run.infos)  # noqa: B023 - called here
                assert run.infos[0].serial == 'right'


def test_outlets_that_are_no_emg_are_refused_with_the_reason():
    with outlet(unit='', name='NoUnit'), outlet(rate=0, name='Irregular'):
        assert 'does not state one unit' in refusal(Lsl({'name': 'NoUnit'}))
        assert 'has no regular sampling rate' in refusal(Lsl({'name': 'Irregular'}))
        with reading(Lsl({'name': 'NoUnit', 'unit': 'uV', 'channels': 'E8, E1'})) as run:
            run.until(run.chunks)
            assert run.infos[0].channel_names == ('E8', 'E1')
            check_pattern(run.chunks(), STEP, [7, 0])


def test_many_openings_leave_no_socket_and_no_thread():
    def resources():
        return len(os.listdir('/proc/self/fd')), threading.active_count()

    def cycle():
        source = Lsl({})
        while True:
            try:
                source.open()
            except SourceWaiting:
                continue
            break
        source.close()
        source.close()

    with outlet() as device:
        device.wait('outlet open')
        cycle()
        before = resources()
        for _ in range(5):
            cycle()
        after = resources()
    assert after[1] == before[1]
    assert after[0] <= before[0] + 2
