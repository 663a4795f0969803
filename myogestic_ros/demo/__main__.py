"""``make demo``: record, train and predict with running nodes, and report scores."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ament_index_python.packages import get_package_share_directory
from rich.console import Console

from myogestic_ros.control.kinematics import read_kinematics
from myogestic_ros.control.mapping_file import read_mapping
from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.demo import steps
from myogestic_ros.demo.hand_report import write_film
from myogestic_ros.demo.hand_score import HandScore, class_postures, score_hand
from myogestic_ros.demo.node_client import DemoError, NodeClient, open_node_client
from myogestic_ros.demo.processes import NodeProcesses
from myogestic_ros.demo.report import print_score, write_files
from myogestic_ros.demo.ros_domain import isolated_domain
from myogestic_ros.demo.score import NOT_JUDGED_S, score_predictions
from myogestic_ros.demo.settings import DemoSettings
from myogestic_ros.reporting.printable_console import PrintableConsole
from myogestic_ros.sessions.storage.file_lock import lock_file

__all__ = ['main']

INTERRUPTED = 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='demo',
        description='Record, train and predict with running nodes, and report scores.',
        epilog='The nodes run in a separate ROS domain, which is printed. Set ROS_DOMAIN_ID to use '
        'another domain.',
    )
    parser.add_argument('--data', type=Path, help='folder of a recording to replay')
    parser.add_argument('--mapping', type=Path, help='YAML file with the format of the recording')
    parser.add_argument('--sampling-rate', type=float, help='sampling rate of the recording, Hz')
    parser.add_argument('--scale', type=float, help='volt per unit of the recording')
    parser.add_argument('--out', type=Path, default=Path('out/demo'), help='folder for results')
    parser.add_argument('--classes', default='', help='comma-separated classes to cue')
    parser.add_argument('--repetitions', type=int, default=3, help='repetitions to record')
    parser.add_argument('--tests', type=int, default=2, help='repetitions to predict')
    parser.add_argument('--hold', type=float, default=2.0, help='duration of a cue, s')
    parser.add_argument('--channels', type=int, default=8, help='channels of the synthetic source')
    parser.add_argument('--predict-hz', type=float, default=50.0, help='predictions per second')
    parser.add_argument(
        '--seconds', type=float, default=12.0, help='longest duration of a replay, s'
    )
    parser.add_argument('--no-hand', action='store_true', help='run without bridge and hand')
    parser.add_argument(
        '--min-accuracy',
        type=float,
        default=0.0,
        help='exit with an error below this accuracy, 0 to 1',
    )
    return parser


def _settings(arguments: argparse.Namespace) -> DemoSettings:
    names = tuple(name.strip() for name in arguments.classes.split(',') if name.strip())
    replay: dict[str, Any] = {}
    if arguments.data is not None:
        if not arguments.data.exists():
            raise DemoError(
                f'There is no {arguments.data}; expected the folder of a recording: '
                f'make demo DATA=path/to/folder'
            )
        replay = {
            name: value
            for name, value in (
                ('mapping', str(arguments.mapping) if arguments.mapping else None),
                ('sampling_rate', arguments.sampling_rate),
                ('scale', arguments.scale),
            )
            if value is not None
        }
    few = min(arguments.repetitions, arguments.tests) < 1
    if few or arguments.hold < NOT_JUDGED_S + 0.1:
        raise DemoError(
            f'Got {arguments.repetitions} recorded and {arguments.tests} predicted repetitions of '
            f'{arguments.hold:g} s; expected at least 1 each, held for at least 0.8 s.'
        )
    chosen: dict[str, Any] = {'class_names': names} if names else {}
    return DemoSettings(
        out=arguments.out.absolute(),
        data=arguments.data.absolute() if arguments.data else None,
        repetitions=arguments.repetitions,
        hold_s=arguments.hold,
        channels=arguments.channels,
        predict_hz=arguments.predict_hz,
        replay=replay,
        seconds=arguments.seconds,
        tests=arguments.tests,
        with_hand=not arguments.no_hand,
        **chosen,
    )


def _clear(out: Path) -> None:
    """Remove the results of an earlier run of the demo."""
    for name in ('sessions', 'models', 'nodes'):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ('hand.gif', 'report.png', 'report.json'):
        (out / name).unlink(missing_ok=True)


def _run_steps(console: Console, client: NodeClient, settings: DemoSettings) -> float:
    """Run all steps; return the playback speed of the predicted part."""
    steps.bring_up(console, client, settings)
    if settings.data is None:
        steps.train(console, client, steps.record_cues(console, client, settings))
        steps.test_cues(console, client, settings)
        return 1.0
    steps.train(console, client, steps.play_recording(console, client, settings, 'first'))
    steps.play_recording(console, client, settings, 'last')
    return client.speed


def _hand(client: NodeClient) -> HandScore:
    """Return the scores of the hand, with the postures of the mapping that the bridge uses."""
    mapping = read_mapping(share('config', 'mappings', 'hand.yaml'))
    postures = class_postures(mapping, [cue.name for cue in client.cues])
    return score_hand(client.cues, client.predictions, client.hand, postures)


def share(*parts: str) -> Path:
    """Return the path of an installed file of this package."""
    return Path(get_package_share_directory('myogestic_ros'), *parts)


class _Interrupt:
    """Store SIGINT and SIGTERM: an exception raised by a handler could interrupt any line."""

    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: Any) -> None:
        if self.received:  # a second signal interrupts at once
            raise KeyboardInterrupt
        self.received = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal was received."""
        if self.received:
            raise KeyboardInterrupt


@contextmanager
def _isolated(console: Console, out: Path) -> Iterator[None]:
    """Isolate this demo from others: a separate ROS domain, and a lock on the output folder."""
    out.mkdir(parents=True, exist_ok=True)
    with isolated_domain() as domain, (out / '.lock').open('w') as lock:
        if not lock_file(lock):
            raise DemoError(f'Another demo is writing to {out}; use another folder: --out.')
        if domain is not None:
            command = f'ROS_DOMAIN_ID={domain} ros2 topic echo /label'
            console.print(f'ROS domain {domain}. To observe the demo: {command}', highlight=False)
        yield


def _demo(
    console: Console, settings: DemoSettings, min_accuracy: float, interrupt: _Interrupt
) -> int:
    start_s = time.monotonic()
    _clear(settings.out)

    def failure() -> str | None:
        interrupt.check()
        return nodes.exit_message()

    with (
        NodeProcesses(settings.out / 'nodes') as nodes,
        open_node_client(failure, destroy=False) as client,
    ):
        for name in settings.nodes:
            nodes.start(name, getattr(settings, name)())
        speed = _run_steps(console, client, settings)
        codes = nodes.stop()
        interrupt.check()
    score = score_predictions(client.cues, client.predictions)
    hand = _hand(client) if settings.with_hand else None
    print_score(console, score, hand, client.post_processing, client.skipped)
    info = {
        'title': settings.title,
        'replay_speed': speed,
        'skipped_predictions': client.skipped,
        'post_processing': client.post_processing,
        'exit_codes': codes,
    }
    robot = read_kinematics(share('urdf', 'hand.urdf')) if hand is not None else None
    received = (client.cues, client.predictions)
    figure = write_files(settings.out, score, *received, info, hand, robot)
    console.print(f'Figure and scores: {figure} and report.json')
    if hand is not None and robot is not None:
        film = settings.out / 'hand.gif'
        write_film(film, robot, hand, *received, client.hand)
        console.print(f'Animation of the hand: {film}')
    interrupt.check()
    console.print(f'Done in {time.monotonic() - start_s:.0f} s.')
    if any(codes.values()):
        console.print(f'[red]A node exited with an error; exit codes: {codes}.[/]')
        return 1
    if not score.judged or not np.isfinite(score.rate_hz):
        console.print('[red]No prediction could be scored.[/]')
        return 1
    if score.accuracy < min_accuracy:
        console.print(f'[red]Accuracy is below {min_accuracy:.1%}.[/]')
        return 1
    return 0


def main(args: list[str] | None = None) -> int:
    """Run the demo; return its exit code."""
    console = PrintableConsole()
    arguments = _parser().parse_args(args)
    interrupt = _Interrupt()
    try:
        settings = _settings(arguments)
        with _isolated(console, settings.out):
            return _demo(console, settings, arguments.min_accuracy, interrupt)
    except (DemoError, MyoGesticError) as error:
        console.print(f'[red]{error}[/]', highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print('\nInterrupted; all nodes have been stopped.')
        return INTERRUPTED


if __name__ == '__main__':
    code = main()
    sys.stdout.flush()
    os._exit(code)  # see the parameter `destroy` of `open_node_client`
