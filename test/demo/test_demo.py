"""The demo as a process: results, interruption, and error messages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.graph import PATIENCE_S, set_domain

from myogestic_ros.demo.ros_domain import reserve_domain

pytestmark = pytest.mark.processes

SHORT = [
    '--repetitions',
    '2',
    '--tests',
    '1',
    '--hold',
    '1.5',
    '--classes',
    'rest,fist,open,pinch',
]


SHORTEST = ['--repetitions', '2', '--tests', '1', '--hold', '0.8', '--classes', 'rest,fist']


def start(out, *arguments):
    """Start the demo in the ROS domain of the tests."""
    set_domain()
    return start_in_environment(out, *arguments)


def start_in_environment(out, *arguments):
    """Start the demo in the current environment."""
    return subprocess.Popen(
        [sys.executable, '-m', 'myogestic_ros.demo', '--out', str(out), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ, COLUMNS='120'),
    )


def node_pids(out):
    """Return the processes of the demo, whose command lines contain ``out``."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        try:
            if str(out).encode() in (process / 'cmdline').read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait(condition, what):
    """Wait until a condition is true."""
    end = time.monotonic() + 2 * PATIENCE_S  # five nodes
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_short_demo_reports_scores_and_stops_all_nodes(tmp_path):
    demo = start(tmp_path, *SHORT, '--min-accuracy', '0.9')
    output, _ = demo.communicate(timeout=170)
    assert demo.returncode == 0, output
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['accuracy'] > 0.9
    assert report['class_names']
    due = 1 + 50.0 * report['signal_s']
    assert report['predictions'] + report['skipped_predictions'] == pytest.approx(due, rel=0.01)
    assert report['exit_codes'] == dict.fromkeys(
        ('driver', 'recorder', 'pipeline', 'hand', 'bridge'), 0
    )
    hand = report['hand']
    assert 3 <= hand['cues'] <= 4  # the first one may be what the hand does already
    assert hand['reached'] >= hand['cues'] - 1
    assert 0.3 < hand['cue_to_posture_median_s'] <= hand['cue_to_posture_p95_s']
    assert len(hand['each']) == hand['cues']
    assert (tmp_path / 'hand.gif').read_bytes()[:3] == b'GIF'
    assert 0 < report['latency_p50_ms'] < report['latency_p99_ms']
    assert (tmp_path / 'report.png').read_bytes()[:4] == b'\x89PNG'
    for text in (
        'hand in the cued posture within 1 s',
        'online accuracy',
        'prediction rate',
        'Accuracy on held-out repetitions',
    ):
        assert text in output
    assert node_pids(tmp_path) == []


def test_recording_is_replayed_and_predicted(tmp_path, recordings):
    data = recordings / 'myo-readings' / '12345-1'
    demo = start(
        *(tmp_path, '--data', str(data), '--no-hand', '--seconds', '8', '--min-accuracy', '0.9')
    )
    output, _ = demo.communicate(timeout=180)
    assert demo.returncode == 0, output
    report = json.loads((tmp_path / 'report.json').read_text())
    assert set(report['class_names']) == {
        *('rest', 'flexion', 'extension', 'radial', 'ulnar', 'pronation', 'supination', 'fist')
    }
    assert 'hand' not in report
    assert report['replay_speed'] > 1


def test_recording_with_hand_is_replayed_in_real_time(tmp_path, recordings):
    data = tmp_path / 'three'
    data.mkdir()
    for number in (0, 1, 7):
        file = f'{number}.txt'
        (data / file).symlink_to(recordings / 'myo-readings' / '12345-1' / file)
    demo = start(tmp_path / 'out', '--data', str(data), '--seconds', '4')
    output, _ = demo.communicate(timeout=170)
    assert demo.returncode == 0, output
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['replay_speed'] == 1
    assert report['accuracy'] > 0.8
    assert report['hand']['cues'] >= 2
    assert report['hand']['reached'] == report['hand']['cues']


@pytest.mark.parametrize(
    ('stage', 'number'),
    [
        *((stage, signal.SIGINT) for stage in ('is_up', 'recording', 'training', 'driving')),
        *((stage, signal.SIGTERM) for stage in ('is_up', 'recording', 'training')),
    ],
)
def test_interrupted_demo_leaves_no_process(tmp_path, stage, number):
    earlier = [tmp_path / name for name in ('report.png', 'report.json', 'hand.gif')]
    for path in earlier:
        path.touch()
    demo = start(tmp_path, *SHORTEST)
    if stage == 'recording':
        wait(lambda: any((tmp_path / 'sessions').glob('*/*.mcap')), 'a session')
    elif stage in ('training', 'driving'):
        words = {'training': 'Training on', 'driving': 'Armed'}[stage]
        for line in demo.stdout:
            if words in line:
                break
    else:
        wait(lambda: len(node_pids(tmp_path)) >= 5, 'the nodes')
    demo.send_signal(number)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, output
    assert 'Interrupted; all nodes have been stopped.' in output
    assert 'Traceback' not in output
    assert not any(path.exists() for path in earlier), 'results of an earlier demo are left'
    wait(lambda: node_pids(tmp_path) == [], 'the end of the nodes')


def domain_of(pid):
    """Return the ROS domain of a process."""
    variables = Path(f'/proc/{pid}/environ').read_text().split('\0')
    return next(x.partition('=')[2] for x in variables if x.startswith('ROS_DOMAIN_ID='))


def test_killed_demo_leaves_no_process(tmp_path, monkeypatch):
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)
    taken, kept = reserve_domain()  # as another running demo would
    demo = start_in_environment(tmp_path, *SHORTEST)
    wait(lambda: any((tmp_path / 'sessions').glob('*/*.mcap')), 'a session')
    (domain,) = {domain_of(pid) for pid in node_pids(tmp_path) if pid != demo.pid}
    assert domain != str(taken)
    kept.close()
    demo.kill()
    output, _ = demo.communicate()
    assert f'ROS_DOMAIN_ID={domain} ros2 topic echo /label' in ' '.join(output.split())
    wait(lambda: node_pids(tmp_path) == [], 'the end of the nodes')


@pytest.mark.parametrize(
    ('arguments', 'message', 'code'),
    [
        (['--data', '/nowhere'], 'There is no /nowhere; expected the folder of a recording', 1),
        (['--hold', '0.1'], 'held for at least', 1),
        (['--what'], 'unrecognized arguments: --what', 2),
        (['--data', '.'], 'contains no recording', 1),
    ],
)
def test_invalid_call_prints_message(tmp_path, arguments, message, code):
    (tmp_path / 'empty').mkdir()
    arguments = [str(tmp_path / 'empty') if a == '.' else a for a in arguments]
    demo = start(tmp_path / 'out', *arguments)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == code
    assert message in ' '.join(output.split())
    assert 'Traceback' not in output
    assert node_pids(tmp_path) == []
