"""Steps of the demo: bring-up, recording, training and prediction."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from myogestic_ros.demo.node_client import DemoError, NodeClient
from myogestic_ros.demo.settings import FASTEST, FRAME_S, DemoSettings
from myogestic_ros.sources.replay import Replay

__all__ = ['bring_up', 'play_recording', 'record_cues', 'test_cues', 'train']

TRAIN_WITHIN_S = 300.0


def bring_up(console: Console, client: NodeClient, settings: DemoSettings) -> None:
    """Configure all nodes; activate the synthetic source, the hand and the bridge."""
    for node in settings.nodes:
        client.transition(node, 'configure')
    if settings.data is None:
        client.transition('driver', 'activate')
    if settings.with_hand:
        client.transition('hand', 'activate')
        client.transition('bridge', 'activate')
    names = ', '.join(settings.nodes[:-1]).capitalize()
    console.print(f'{names} and {settings.nodes[-1]} are up: {settings.title}.')


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn('{task.description:28}'), BarColumn(), TimeRemainingColumn(), console=console
    )


def _cue_round(
    console: Console, client: NodeClient, rounds: list[list[str]], hold_s: float, verb: str
) -> None:
    total = sum(len(names) for names in rounds)
    with _progress(console) as progress:
        task = progress.add_task(verb, total=total * hold_s)
        for number, names in enumerate(rounds, start=1):
            for name in names:
                client.set_label(name)
                where = f' {number}/{len(rounds)}' if len(rounds) > 1 else ''
                progress.update(task, description=f'{verb}{where}: [bold]{name}[/]')
                for _ in range(10):
                    client.spin(hold_s / 10)
                    progress.advance(task, hold_s / 10)
        client.set_label('')
        progress.update(task, description=f'{verb}: done')


def record_cues(console: Console, client: NodeClient, settings: DemoSettings) -> str:
    """Record cued repetitions; return the name of the session."""
    client.trigger('recorder/start_recording')
    _cue_round(console, client, settings.cues()[: -settings.tests], settings.hold_s, 'Recording')
    return _stop_recording(console, client)


def _stop_recording(console: Console, client: NodeClient) -> str:
    message = client.trigger('recorder/stop_recording')
    console.print(message)
    sessions = client.sessions()
    if not sessions:
        raise DemoError('The recorder lists no session; expected the one just recorded.')
    return sessions[-1]


def train(console: Console, client: NodeClient, session: str) -> None:
    """Train on a session and print the training log."""
    client.on_training_log = lambda line: console.print(f'  [dim]{line}[/]', highlight=False)
    before = client.model_id
    console.print(client.train(session))
    client.wait(lambda: client.pipeline_state == 'training', 'Starting the training', 10.0)
    client.wait(lambda: client.pipeline_state == 'idle', 'Training', TRAIN_WITHIN_S)
    client.spin(0.2)  # receive the last lines of the log
    if client.model_id == before:
        raise DemoError(client.pipeline_message)
    console.print(f'[bold]{client.pipeline_message}[/]')


def test_cues(console: Console, client: NodeClient, settings: DemoSettings) -> None:
    """Predict during new cues."""
    rounds = settings.cues()[-settings.tests :]
    _predicting(
        console,
        client,
        settings,
        lambda: _cue_round(console, client, rounds, settings.hold_s, 'Predicting'),
    )


def _predicting(
    console: Console, client: NodeClient, settings: DemoSettings, during: Callable[[], None]
) -> None:
    if settings.with_hand:
        console.print(client.trigger('bridge/arm'))
    client.cues.clear()
    client.predictions.clear()
    client.hand.clear()
    skipped_before = client.count_skipped()
    client.trigger('pipeline/start_predicting')
    client.wait(lambda: client.pipeline_state == 'predicting', 'predictions', 10.0)
    description = client.pipeline_message.partition('Post-processing: ')[2]
    client.post_processing = description.rstrip('.') or 'nothing: adds 0 ms'
    during()
    client.trigger('pipeline/stop_predicting')
    stopped_s = time.time()
    if settings.with_hand:
        client.transition('bridge', 'deactivate')  # moves the hand to rest
    client.spin(0.3)
    # A prediction sent before the response may be delivered after it: topics and services are
    # not ordered. So the time of sending counts.
    if any(prediction.published_s > stopped_s for prediction in client.predictions):
        raise DemoError('Predictions were published after the response of stop_predicting.')
    client.skipped = client.count_skipped() - skipped_before


def play_recording(console: Console, client: NodeClient, settings: DemoSettings, part: str) -> str:
    """Replay a part of the recording.

    Parameters
    ----------
    console, client, settings
        Output, connection to the nodes, settings of the demo.
    part : {'first', 'last'}
        Repetitions to play: the first ones are recorded, the last ones predicted.

    Returns
    -------
    str
        Name of the recorded session; '' for ``'last'``.
    """
    source = Replay({'path': str(settings.data), **settings.replay, 'repetitions': part})
    duration_s = source.duration_s
    info = source.open()
    if part == 'first':
        speed = settings.speed(duration_s, info.sampling_rate * info.n_channels)
        chunk = max(1, round(FRAME_S * info.sampling_rate)) if speed > FASTEST else 0
    else:
        speed, chunk = settings.test_speed(duration_s), 0
    client.set_parameter('driver', 'replay.chunk', chunk)
    client.set_parameter('driver', 'replay.repetitions', part)
    client.set_parameter('driver', 'replay.rate', speed)
    # Faster than real time, a busy machine loses frames unless the replay waits.
    client.set_parameter('driver', 'replay.flow_control', speed > 1)
    client.speed = speed

    def play() -> None:
        verb = 'Recording' if part == 'first' else 'Predicting'
        client.transition('driver', 'activate')
        limit_s = 60.0 + 3.0 * duration_s / speed
        waited = 0.0
        with _progress(console) as progress:
            task = progress.add_task(f'{verb} at {speed:g} × speed', total=duration_s / speed)
            while client.is_active('driver'):
                client.spin(0.25)
                waited += 0.25
                progress.update(task, completed=waited)
                if waited > limit_s:
                    raise DemoError(f'The replay did not end within {limit_s:.0f} s.')
            progress.update(task, completed=math.ceil(duration_s / speed))
        client.spin(0.3)

    if part == 'first':
        client.trigger('recorder/start_recording')
        play()
        return _stop_recording(console, client)
    _predicting(console, client, settings, play)
    return ''
