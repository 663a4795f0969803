"""``make demo``: the whole main job on a running graph, and how well it went."""

from __future__ import annotations

import argparse
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
from myogestic_ros.sessions.storage.file_lock import lock_file

__all__ = ['main']

INTERRUPTED = 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='demo',
        description='Record, train and predict with real nodes, and report.',
        epilog='Its nodes are in a ROS domain of their own, which it names; ROS_DOMAIN_ID=0 before '
        'the command puts them where other nodes are.',
    )
    parser.add_argument('--data', type=Path, help='folder of a recording to replay')
    parser.add_argument('--mapping', type=Path, help='YAML file that says how to read it')
    parser.add_argument('--sampling-rate', type=float, help='its sampling rate, Hz')
    parser.add_argument('--scale', type=float, help='volt per count of it')
    parser.add_argument('--out', type=Path, default=Path('out/demo'), help='where results go')
    parser.add_argument('--classes', default='', help='comma-separated classes to cue')
    parser.add_argument('--repetitions', type=int, default=3, help='recorded repetitions')
    parser.add_argument('--tests', type=int, default=2, help='predicted repetitions')
    parser.add_argument('--hold', type=float, default=2.0, help='length of a cue, s')
    parser.add_argument('--channels', type=int, default=8, help='channels of the array')
    parser.add_argument('--predict-hz', type=float, default=50.0, help='predictions a second')
    parser.add_argument(
        '--seconds', type=float, default=12.0, help='how long a recording may be played, s'
    )
    parser.add_argument('--no-hand', action='store_true', help='leave out bridge and hand')
    parser.add_argument('--min-accuracy', type=float, default=0.0, help='fail below it, 0 to 1')
    return parser


def _plan(arguments: argparse.Namespace) -> DemoSettings:
    names = tuple(name.strip() for name in arguments.classes.split(',') if name.strip())
    replay: dict[str, Any] = {}
    if arguments.data is not None:
        if not arguments.data.exists():
            raise DemoError(
                f'There is no {arguments.data}; give the folder of a recording: '
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
        raise DemoError('At least 1 repetition, held for at least 0.8 s, is needed.')
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
    """Make room for a new run: only what an earlier run of the demo left."""
    for name in ('sessions', 'models', 'nodes'):
        shutil.rmtree(out / name, ignore_errors=True)
    (out / 'hand.gif').unlink(missing_ok=True)


def _walk(console: Console, operator: NodeClient, plan: DemoSettings) -> float:
    """Go through the main job; return the speed of the predicted part."""
    steps.bring_up(console, operator, plan)
    if plan.data is None:
        steps.train(console, operator, steps.record_cues(console, operator, plan))
        steps.test_cues(console, operator, plan)
        return 1.0
    steps.train(console, operator, steps.play_recording(console, operator, plan, 'first'))
    steps.play_recording(console, operator, plan, 'last')
    return operator.speed


def _hand(operator: NodeClient) -> HandScore:
    """Return how the hand followed, by the postures of the mapping that the bridge goes by."""
    mapping = read_mapping(share('config', 'mappings', 'hand.yaml'))
    postures = class_postures(mapping, [cue.name for cue in operator.cues])
    return score_hand(operator.cues, operator.predictions, operator.hand, postures)


def share(*parts: str) -> Path:
    """Return a file that is installed with this package."""
    return Path(get_package_share_directory('myogestic_ros'), *parts)


class _Interrupt:
    """SIGINT and SIGTERM, noted: an exception out of a handler may strike anywhere."""

    def __init__(self) -> None:
        self.noted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, *_: Any) -> None:
        if self.noted:  # somebody is in a hurry
            raise KeyboardInterrupt
        self.noted = True

    def check(self) -> None:
        """Raise KeyboardInterrupt when there was one."""
        if self.noted:
            raise KeyboardInterrupt


@contextmanager
def _alone(console: Console, out: Path) -> Iterator[None]:
    """Keep away from other demos: a ROS domain of its own, and a folder that no other one has."""
    out.mkdir(parents=True, exist_ok=True)
    with isolated_domain() as domain, (out / '.lock').open('w') as lock:
        if not lock_file(lock):
            raise DemoError(f'Another demo is writing to {out}; give this one another: --out.')
        if domain is not None:
            look = f'ROS_DOMAIN_ID={domain} ros2 topic echo /label'
            console.print(f'In ROS domain {domain}, alone; to look on: {look}', highlight=False)
        yield


def _demo(console: Console, plan: DemoSettings, min_accuracy: float, interrupt: _Interrupt) -> int:
    began = time.monotonic()
    _clear(plan.out)

    def trouble() -> str | None:
        interrupt.check()
        return nodes.exit_message()

    with NodeProcesses(plan.out / 'nodes') as nodes, open_node_client(trouble) as operator:
        for name in plan.nodes:
            nodes.start(name, getattr(plan, name)())
        speed = _walk(console, operator, plan)
        codes = nodes.stop()
        interrupt.check()
    score = score_predictions(operator.cues, operator.predictions)
    hand = _hand(operator) if plan.with_hand else None
    print_score(console, score, hand, operator.post_processing, operator.skipped)
    facts = {
        'title': plan.title,
        'replay_speed': speed,
        'skipped_predictions': operator.skipped,
        'post_processing': operator.post_processing,
        'exit_codes': codes,
    }
    robot = read_kinematics(share('urdf', 'hand.urdf')) if hand is not None else None
    heard = (operator.cues, operator.predictions)
    picture = write_files(plan.out, score, *heard, facts, hand, robot)
    console.print(f'Picture and numbers: {picture} and report.json')
    if hand is not None and robot is not None:
        film = plan.out / 'hand.gif'
        write_film(film, robot, hand.postures, *heard, operator.hand)
        console.print(f'The hand: {film}')
    interrupt.check()
    console.print(f'Done in {time.monotonic() - began:.0f} s.')
    if any(codes.values()):
        console.print(f'[red]A node did not end cleanly: exit codes {codes}.[/]')
        return 1
    if not score.judged or not np.isfinite(score.rate_hz):
        console.print('[red]No prediction could be judged.[/]')
        return 1
    if score.accuracy < min_accuracy:
        console.print(f'[red]Accuracy is below {min_accuracy:.1%}.[/]')
        return 1
    return 0


def main(args: list[str] | None = None) -> int:
    """Run the demo; return its exit code."""
    console = Console()
    arguments = _parser().parse_args(args)
    interrupt = _Interrupt()
    try:
        plan = _plan(arguments)
        with _alone(console, plan.out):
            return _demo(console, plan, arguments.min_accuracy, interrupt)
    except (DemoError, MyoGesticError) as error:
        console.print(f'[red]{error}[/]', highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print('\nInterrupted; every node has been ended.')
        return INTERRUPTED


if __name__ == '__main__':
    sys.exit(main())
