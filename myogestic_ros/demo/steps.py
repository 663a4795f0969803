"""The two ways through the main job: with cues on the synthetic array, and along a recording."""

from __future__ import annotations

import math
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from myogestic_ros.demo.node_client import DemoError, NodeClient
from myogestic_ros.demo.settings import FASTEST, FRAME_S, DemoSettings
from myogestic_ros.sources.replay import Replay

__all__ = ['bring_up', 'play_recording', 'record_cues', 'test_cues', 'train']

TRAIN_WITHIN_S = 300.0


def bring_up(console: Console, operator: NodeClient, plan: DemoSettings) -> None:
    """Configure all nodes, and start the synthetic array."""
    for node in plan.nodes:
        operator.transition(node, 'configure')
    if plan.data is None:
        operator.transition('driver', 'activate')
    if plan.with_hand:
        operator.transition('hand', 'activate')
        operator.transition('bridge', 'activate')
    names = ', '.join(plan.nodes[:-1]).capitalize()
    console.print(f'{names} and {plan.nodes[-1]} are up: {plan.title}.')


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn('{task.description:28}'), BarColumn(), TimeRemainingColumn(), console=console
    )


def _cue_round(
    console: Console, operator: NodeClient, rounds: list[list[str]], hold_s: float, verb: str
) -> None:
    total = sum(len(names) for names in rounds)
    with _progress(console) as progress:
        task = progress.add_task(verb, total=total * hold_s)
        for number, names in enumerate(rounds, start=1):
            for name in names:
                operator.set_label(name)
                where = f' {number}/{len(rounds)}' if len(rounds) > 1 else ''
                progress.update(task, description=f'{verb}{where}: [bold]{name}[/]')
                for _ in range(10):
                    operator.spin(hold_s / 10)
                    progress.advance(task, hold_s / 10)
        operator.set_label('')
        progress.update(task, description=f'{verb}: done')


def record_cues(console: Console, operator: NodeClient, plan: DemoSettings) -> str:
    """Record cued repetitions; return the session's name."""
    operator.trigger('recorder/start_recording')
    _cue_round(console, operator, plan.cues()[: -plan.tests], plan.hold_s, 'Recording')
    return _stop_recording(console, operator)


def _stop_recording(console: Console, operator: NodeClient) -> str:
    message = operator.trigger('recorder/stop_recording')
    console.print(message)
    sessions = operator.sessions()
    if not sessions:
        raise DemoError('The recorder lists no session.')
    return sessions[-1]


def train(console: Console, operator: NodeClient, session: str) -> None:
    """Train on a session, showing what the training prints."""
    operator.on_training_log = lambda line: console.print(f'  [dim]{line}[/]', highlight=False)
    before = operator.model_id
    console.print(operator.train(session))
    operator.wait(lambda: operator.pipeline_state == 'training', 'Starting the training', 10.0)
    operator.wait(lambda: operator.pipeline_state == 'idle', 'Training', TRAIN_WITHIN_S)
    operator.spin(0.2)  # its last lines
    if operator.model_id == before:
        raise DemoError(operator.pipeline_message)
    console.print(f'[bold]{operator.pipeline_message}[/]')


def test_cues(console: Console, operator: NodeClient, plan: DemoSettings) -> None:
    """Predict while fresh cues are given."""
    rounds = plan.cues()[-plan.tests :]
    _predicting(
        console,
        operator,
        plan,
        lambda: _cue_round(console, operator, rounds, plan.hold_s, 'Predicting'),
    )


def _predicting(
    console: Console, operator: NodeClient, plan: DemoSettings, during: Callable[[], None]
) -> None:
    if plan.with_hand:
        console.print(operator.trigger('bridge/arm'))
    operator.cues.clear()
    operator.predictions.clear()
    operator.hand.clear()
    skipped_before = operator.count_skipped()
    operator.trigger('pipeline/start_predicting')
    operator.wait(lambda: operator.pipeline_state == 'predicting', 'predictions', 10.0)
    said = operator.pipeline_message.partition('Post-processing: ')[2]
    operator.post_processing = said.rstrip('.') or 'nothing: adds 0 ms'
    during()
    operator.trigger('pipeline/stop_predicting')
    if plan.with_hand:
        operator.transition('bridge', 'deactivate')  # which takes the hand to rest
    arrived = len(operator.predictions)
    operator.spin(0.3)
    if len(operator.predictions) != arrived:
        raise DemoError('Predictions came after stop_predicting had answered.')
    operator.skipped = operator.count_skipped() - skipped_before


def play_recording(console: Console, operator: NodeClient, plan: DemoSettings, part: str) -> str:
    """Replay a part of the recording: 'first' is recorded (returns the session), 'last' is
    predicted.
    """
    source = Replay({'path': str(plan.data), **plan.replay, 'repetitions': part})
    duration_s = source.duration_s
    facts = source.open()
    if part == 'first':
        speed = plan.speed(duration_s, facts.sampling_rate * facts.n_channels)
        chunk = max(1, round(FRAME_S * facts.sampling_rate)) if speed > FASTEST else 0
    else:
        speed, chunk = plan.test_speed(duration_s), 0
    operator.set_parameter('driver', 'replay.chunk', chunk)
    operator.set_parameter('driver', 'replay.repetitions', part)
    operator.set_parameter('driver', 'replay.rate', speed)
    operator.speed = speed

    def play() -> None:
        verb = 'Recording' if part == 'first' else 'Predicting'
        operator.transition('driver', 'activate')
        limit_s = 60.0 + 3.0 * duration_s / speed
        waited = 0.0
        with _progress(console) as progress:
            task = progress.add_task(f'{verb} at {speed:g} ×', total=duration_s / speed)
            while operator.is_active('driver'):
                operator.spin(0.25)
                waited += 0.25
                progress.update(task, completed=waited)
                if waited > limit_s:
                    raise DemoError(f'The recording was not over after {limit_s:.0f} s.')
            progress.update(task, completed=math.ceil(duration_s / speed))
        operator.spin(0.3)

    if part == 'first':
        operator.trigger('recorder/start_recording')
        play()
        return _stop_recording(console, operator)
    _predicting(console, operator, plan, play)
    return ''
