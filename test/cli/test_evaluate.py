"""``myogestic evaluate``: tables, JSON, reports, warnings and error messages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.arm_session import write_arm
from support.recorded import synthetic_emg, write_signal
from typer.testing import CliRunner

import myogestic_ros
from myogestic_ros.cli.__main__ import app
from myogestic_ros.decoding.decoders.recipes import DEFAULT

RATE = 1000.0


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('sessions')
    write_signal(folder / 'monday', *synthetic_emg(), RATE)
    data, labels = synthetic_emg(classes=4, repetitions=2, seed=1)
    write_signal(folder / 'tuesday', np.roll(data, 2, axis=1), labels, RATE)
    write_signal(folder / 'once', *synthetic_emg(repetitions=1), RATE)
    write_signal(folder / 'bare', data, [], RATE)
    return folder


def call(folder: Path, *arguments: object, code: int = 0) -> str:
    """Run the command; return its output on one line."""
    words = ['evaluate', *map(str, arguments), '--session-dir', str(folder)]
    result = CliRunner().invoke(app, words, env={'COLUMNS': '100'})
    assert result.exit_code == code, result.output
    assert 'Traceback' not in result.output
    return re.sub(r'\s+', ' ', result.output)


def test_table_and_json_contain_scores(folder: Path, tmp_path: Path) -> None:
    said = call(folder, 'monday', '--json', tmp_path / 'deep' / 'figures.json')
    assert 'each repetition held out │' in said
    assert 'decision after the cue: median │' in said
    assert 'Warning' not in said
    content = json.loads((tmp_path / 'deep' / 'figures.json').read_text())
    (figures,) = content['decoders']
    assert figures['decoder'] == DEFAULT
    assert figures['each_repetition']['accuracy'] > 0.9
    assert content['warnings'] == []
    assert content['filters'] is None
    assert content['myogestic_ros'] == myogestic_ros.__version__


def test_standard_output_contains_only_json(folder: Path) -> None:
    words = ['evaluate', 'monday', '--session-dir', str(folder), '--json', '-']
    result = CliRunner().invoke(app, words)
    assert json.loads(result.stdout)['settle_ms'] == 500.0


def test_report_compares_several_decoders(folder: Path, tmp_path: Path) -> None:
    names = ['-d', 'htd_lda', '-d', 'sklearn.naive_bayes:GaussianNB']
    page, picture = tmp_path / 'report.html', tmp_path / 'report.png'
    call(folder, 'monday', *names, '--report', page)
    text = page.read_text()
    assert text.count('data:image/svg+xml;base64,') == 8
    alternatives = re.findall(r'<img alt="([^"]*)"', text)
    assert len(alternatives) == 8
    assert all('htd_lda' in words or 'GaussianNB' in words for words in alternatives)
    assert f'myogestic_ros {myogestic_ros.__version__}, filters: none' in text
    assert re.search(r'\d{4}-\d\d-\d\d \d\d:\d\d', text)
    assert 'http' not in re.sub(r'base64,[^"]*', '', text)  # no external resources
    assert 'sklearn.naive_bayes:GaussianNB' in text
    call(folder, 'monday', '--report', picture)
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_differing_sessions_and_rotated_electrodes_give_warnings(folder: Path) -> None:
    said = call(folder, 'monday', 'tuesday')
    assert "Session 'tuesday': The electrodes are rotated by 2 places" in said
    assert "Only session 'tuesday' has 'open'" in said
    assert 'across sessions │' in said


def test_proportional_decoder_is_scored(folder: Path, tmp_path: Path) -> None:
    write_arm(folder / 'arm', cue_s=2.0)
    file, picture, page = (tmp_path / name for name in ('f.json', 'report.png', 'report.html'))
    ridge = ['-d', 'sklearn.linear_model:Ridge']
    said = call(folder, 'arm', *ridge, '--json', file, '--report', page)
    assert 'second half' in said
    (figures,) = json.loads(file.read_text())['decoders']
    assert figures['dofs'] == ['fingers', 'wrist']
    assert figures['across_sessions'] is None
    assert min(figures['each_block']['r2']) > 0.3
    assert 'data:image/svg+xml' in page.read_text()
    call(folder, 'arm', *ridge, '--target', 'glove', '--report', picture)
    assert picture.stat().st_size > 10_000
    assert "has no stream 'mocap'" in call(folder, 'arm', *ridge, '--target', 'mocap', code=1)


def test_filters_are_applied_before_checks(folder: Path) -> None:
    data, labels = synthetic_emg(classes=2, repetitions=2)
    hum = 1e-4 * np.sin(2 * np.pi * 50 * np.arange(len(data)) / RATE)[:, np.newaxis]
    write_signal(folder / 'hum', data + hum.astype(np.float32), labels, RATE)
    assert 'mains interference' in call(folder, 'hum')
    said = call(folder, 'hum', '--bandpass', 20, 450, '--notch', 50)
    assert 'Warning' not in said
    refused = call(folder, 'hum', '--bandpass', 450, 20, code=1)
    assert 'expected the lower edge below the upper' in refused


def test_single_repetition_is_reported_as_untestable(folder: Path) -> None:
    assert 'Nothing can be tested' in call(folder, 'once')


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (['wednesday'], "There is no session 'wednesday'"),
        (['bare'], 'without labels'),
        (['monday', '--decoder', 'magic'], "There is no built-in decoder 'magic'"),
        (['monday', '--decoder', 'sklearn.svm:NoSuch'], 'NoSuch'),
        (['monday', '--class', 'wave'], 'No training data for wave'),
        (['monday', '--report', 'report.pdf'], 'is a .html or a .png file'),
        (['monday', '--window-ms', '90000'], 'longer than a window of 90000 ms'),
        (['monday', '--stream', 'emg2'], "has no stream 'emg2'"),
        (['monday', '-d', 'sklearn.linear_model:Ridge'], 'streams of targets'),
        (['monday', '-d', 'sklearn.linear_model:Ridge', '-d', 'htd_lda'], 'of one kind'),
        (['monday', '--json', '/proc/no/such.json'], 'cannot be written'),
    ],
)
def test_invalid_calls_print_message(folder: Path, arguments: list[str], sentence: str) -> None:
    assert sentence in call(folder, *arguments, code=1)
