"""Checks of recorded data: each fault gives one warning, good data none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.bags import START_NS
from support.recorded import (
    NAMES,
    NOT_CLEAN,
    recording_summary,
    signal_summary,
    synthetic_emg,
    write_signal,
)

from myogestic_ros.core.signals import Chunk, Label, sample_time_ns
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.quality.checks import data_warnings, summary_warnings
from myogestic_ros.decoding.quality.label_lag import label_lag
from myogestic_ros.decoding.quality.outlier_repetitions import outlier_repetitions
from myogestic_ros.decoding.quality.signal_summary import summarize

RATE = 1000.0


def warnings(data: np.ndarray, labels: list, rate: float = RATE) -> list[str]:
    return summary_warnings([signal_summary(data.astype(np.float32), labels, rate)])


def only(found: list[str], *words: str) -> str:
    """Return the single warning, which contains all words."""
    assert len(found) == 1, found
    for word in words:
        assert word in found[0], found
    return found[0]


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('lag_s', [0.0, 0.3, 0.6])
def test_good_data_gives_no_warning(seed: int, lag_s: float) -> None:
    assert warnings(*synthetic_emg(seed=seed, lag_s=lag_s)) == []


def test_flat_channels_are_reported() -> None:
    data, labels = synthetic_emg()
    data[:, 2] = 1e-3
    data[:, 5] *= 0.001
    only(warnings(data, labels), 'channels 3, 6 are flat', 'loose lead')
    only(warnings(np.zeros_like(data), labels), 'constant on all channels', 'device is on')


def test_saturated_channel_is_reported() -> None:
    data, labels = synthetic_emg()
    slow = np.apply_along_axis(lambda x: np.convolve(x, [0.2] * 5, 'same'), 0, data)
    assert warnings(slow, labels) == []
    limit = np.quantile(np.abs(slow[:, 3]), 0.9)
    slow[:, 3] = np.clip(slow[:, 3], -limit, limit)
    only(warnings(slow, labels), 'channel 4 is saturated', 'reduce the gain')


@pytest.mark.parametrize('frequency', [50.0, 60.0])
def test_mains_interference_is_reported(frequency: float) -> None:
    data, labels = synthetic_emg()
    hum = np.sin(2 * np.pi * frequency * np.arange(len(data)) / RATE)[:, np.newaxis]
    only(
        warnings(data + 4e-6 * hum, labels),
        'all 8 channels are disturbed by mains',
        f'{frequency:g} Hz',
    )
    assert warnings(data + 0.1e-6 * hum, labels) == []


def test_dc_offset_is_reported() -> None:
    data, labels = synthetic_emg()
    data[:, 0] += 10e-3
    only(warnings(data, labels), 'channel 1 is on a DC offset', '10 mV', 'high-pass')


def test_rectified_and_smoothed_emg_is_reported() -> None:
    data, labels = synthetic_emg()
    only(warnings(np.abs(data), labels), 'no sample is negative', 'rectified')
    smooth = np.apply_along_axis(
        lambda x: np.convolve(x, np.hanning(300) / 150, 'same'), 0, np.abs(data)
    )
    only(warnings(smooth - smooth.mean(axis=0), labels), 'below 20 Hz', 'envelope')
    offset_counts = data + np.float32(50e-3)  # unsigned samples, not an envelope
    only(warnings(offset_counts, labels), 'DC offset')


def test_class_imbalance_is_reported() -> None:
    data, labels = synthetic_emg(classes=3, repetitions=4)
    much = [
        (at, 0 if rep else index, NAMES[0] if rep else name, rep)
        for at, index, name, rep in labels
    ]
    found = ' '.join(warnings(data, much))
    assert "Class 'rest' is 83% of the labelled signal" in found
    assert 'Only one repetition of fist, pinch' in found
    short = [(at, *rest) for at, *rest in labels]
    for at, index, _, _ in labels:
        if index == 2:
            short.append((at + 300, -1, '', -1))
    only(warnings(data, sorted(short)), "Class 'pinch' has 1.2 s", 'missed')


@pytest.mark.parametrize('rotation', [1, 2, -3])
def test_repetition_with_moved_electrodes_is_reported(rotation: int) -> None:
    data, labels = synthetic_emg()
    (start,) = (at for at, index, _, rep in labels if (index, rep) == (1, 2))
    data[start : start + 2000] = np.roll(data[start : start + 2000], rotation, axis=1)
    only(warnings(data, labels), 'fist 3 is unlike', f'moved by {abs(rotation)} place')
    (outlier,) = outlier_repetitions(signal_summary(data, labels))
    assert outlier.rotation == -rotation


def test_repetition_of_another_movement_is_reported() -> None:
    data, labels = synthetic_emg(classes=4)
    first, second = (at for at, index, _, rep in labels if index in (1, 2) and rep == 2)
    data[first + 400 : first + 1900] = data[second + 400 : second + 1900] * 1.1
    only(warnings(data, labels), 'fist 3 is unlike')


def test_copied_repetitions_are_reported_within_and_between_sessions() -> None:
    data, labels = synthetic_emg()
    (one, two) = (at for at, index, _, rep in labels if index == 1 and rep in (0, 3))
    data[two + 25 : two + 2000] = data[one : one + 1975]  # shifted within the repetition
    only(warnings(data, labels), '1 repetition(s) are copies', 'fist 4 is fist 1')
    same = [signal_summary(*synthetic_emg(seed=4)), signal_summary(*synthetic_emg(seed=4))]
    only(summary_warnings(same), '12 repetition(s) are copies')


@pytest.mark.parametrize('lag_s', [-0.5, -0.3])
def test_late_labels_are_reported(lag_s: float) -> None:
    data, labels = synthetic_emg(lag_s=lag_s)
    assert label_lag(signal_summary(data, labels)) == pytest.approx(lag_s, abs=0.06)
    only(warnings(data, labels), 'before its label', 'labels are late')


def test_early_labels_are_reported() -> None:
    data, labels = synthetic_emg(seconds=4.0, lag_s=1.4)
    assert label_lag(signal_summary(data, labels)) == pytest.approx(1.4, abs=0.06)
    found = warnings(data, labels)
    assert 'the signal changes 1.4' in found[0]


def test_lag_is_undetermined_for_noise() -> None:
    data, labels = synthetic_emg()
    rng = np.random.default_rng(0)
    noise = 1e-5 * rng.standard_normal(data.shape)
    assert label_lag(signal_summary(noise.astype(np.float32), labels)) is None


def test_training_reports_warnings_of_its_sessions(tmp_path: Path) -> None:
    data, labels = synthetic_emg()
    data[:, 7] = 0
    path = write_signal(tmp_path / 's1', data, labels, RATE)
    (warning,) = data_warnings(TrainingData(paths=[str(path)]))
    assert warning.startswith("Session 's1': channel 8 is flat")


def test_clean_recorded_sessions_give_no_warning(recordings: Path) -> None:
    folders = [p for p in sorted((recordings / 'myo-readings').glob('*-*')) if p.is_dir()]
    clean = [folder for folder in folders if folder.name not in NOT_CLEAN]
    assert len(clean) >= 1
    for folder in clean:
        assert summary_warnings([recording_summary(folder)]) == [], folder.name


def test_copy_in_a_recorded_session_is_reported(recordings: Path) -> None:
    """One session of myo-readings contains five seconds of rest twice, with identical samples."""
    found = summary_warnings([recording_summary(recordings / 'myo-readings' / '69069-1')])
    only(found, 'copies of others')


def test_raw_array_has_mains_and_offset_until_it_is_filtered(recordings: Path) -> None:
    from scipy.io import loadmat
    from scipy.signal import butter, iirnotch, sosfilt, sosfilt_zi, tf2sos

    band = butter(4, (20, 450), 'bandpass', fs=1000, output='sos')
    sections = np.concatenate([band, tf2sos(*iirnotch(60, 30, fs=1000.0))])
    raw, filtered, labels = [], [], []
    files = sorted((recordings / 'flexemg').glob('*/*.mat'))[:4]
    if not files:
        pytest.skip('the recordings flexemg are not available')
    for repetition, file in enumerate(files):
        content = loadmat(file, squeeze_me=True, struct_as_record=False)
        volts = content['raw'][:, :64] * (content['p'].lsbmV * 1e-3)
        first = repetition * (len(volts) + 1000)
        start = sample_time_ns(START_NS, first, 1000.0)
        clean = sosfilt(sections, volts, axis=0, zi=sosfilt_zi(sections)[..., None] * volts[0])[0]
        raw.append(Chunk(first, start, 1000.0, volts.astype(np.float32)))
        filtered.append(Chunk(first, start, 1000.0, clean.astype(np.float32)))
        for number, index in enumerate([0, *map(int, content['p'].sequence)]):
            at = sample_time_ns(start, number * 5000, 1000.0)
            labels.append(Label(at, index, f'class {index}', repetition))
    offset, mains = summary_warnings([summarize('flexemg', raw, labels)])
    assert 'DC offset' in offset
    assert '60 Hz' in mains
    assert summary_warnings([summarize('flexemg', filtered, labels)]) == []


def test_recording_without_labels_gives_no_warning(recordings: Path) -> None:
    from scipy.io import loadmat

    file = recordings / 'openhdemg' / 'otb_testfile.mat'
    if not file.is_file():
        pytest.skip('the recordings openhdemg are not available')
    emg = (loadmat(file)['Data'][0, 0][:, :64] * 1e-6).astype(np.float32)
    assert summary_warnings([summarize('openhdemg', [Chunk(0, 0, 2048.0, emg)], [])]) == []
