"""The training process: ``python -m myogestic_ros.core.training.worker JOB_FOLDER``.

It reads ``job.json``, calls the ``train`` callback, and writes ``result.json`` and, after success,
``model.joblib``. Its output is the training log. It exits when the process that started it is
gone: that process holds the other end of its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import MyoGesticError, TrainingError
from myogestic_ros.core.models.serialization import load_pickle, save_pickle
from myogestic_ros.core.streams.training_filters import filters_to_environment, training_filters
from myogestic_ros.core.training.cleanup import remove_temporary_files
from myogestic_ros.core.training.decoder_file import CallbackReference
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['describe_error', 'main', 'run_training']


def run_training(
    train: CallbackReference | Any,
    prepare: CallbackReference | Any | None,
    data: TrainingData,
    model: Any = None,
) -> tuple[Any, TrainingData]:
    """Prepare the data and call ``train``.

    Windows that ``train`` cuts from sessions pass through the filters of the streams of ``data``.

    Parameters
    ----------
    train : CallbackReference or callable
        ``train(data) -> model``, or ``train(model, data) -> model`` to adapt a model.
    prepare : CallbackReference, callable or None
        ``prepare(data) -> data``, called before.
    data : TrainingData
        The training data.
    model : object, optional
        The model to adapt.

    Returns
    -------
    model : object
        The trained model.
    data : TrainingData
        The prepared data.

    Raises
    ------
    TrainingError
        If ``train`` returned None.
    """

    def function(callback: Any) -> Any:
        return callback.resolve() if isinstance(callback, CallbackReference) else callback

    if prepare is not None:
        data = function(prepare)(data)
    with training_filters({spec.name: spec.filters for spec in data.streams}):
        trained = function(train)(data) if model is None else function(train)(model, data)
    if trained is None:
        raise TrainingError(
            f'{"train" if model is None else "adapt"} returned None, expected a model (is the '
            f'return statement missing?); the previous model stays in use.'
        )
    return trained, data


def describe_error(error: BaseException) -> tuple[list[str], str]:
    """Return lines for the training log and the reason why a training failed.

    The lines are the traceback; errors of this package have none, because their message is
    complete.
    """
    if isinstance(error, MyoGesticError):
        return [], str(error)
    lines = ''.join(traceback.format_exception(error)).splitlines()
    return lines, f'{type(error).__name__}: {error}'


def _end_with_parent(folder: Path) -> None:
    """Kill this process and its children when the parent process is gone."""
    while os.read(0, 4096):  # not sys.stdin: its lock would abort the shutdown of the interpreter
        pass
    remove_temporary_files(folder, os.getpid())
    os.killpg(0, signal.SIGKILL)


def _lower_priority() -> None:
    """Give running nodes precedence: lower CPU priority, first to be killed if out of memory."""
    with contextlib.suppress(OSError):
        Path('/proc/self/oom_score_adj').write_text('1000')
    with contextlib.suppress(OSError):
        os.nice(5)


def main(folder: Path) -> int:
    """Run the job in a folder.

    Parameters
    ----------
    folder : Path
        Folder with ``job.json`` and, to adapt a model, ``previous.joblib``.

    Returns
    -------
    int
        Exit code: 0 after success, otherwise 1.
    """
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    _lower_priority()
    job = json.loads((folder / 'job.json').read_text())
    sys.path[:] = job['path']
    result: dict[str, Any] = {'error': ''}
    try:
        data = TrainingData.from_json(job['data'])
        filters_to_environment({spec.name: spec.filters for spec in data.streams})
        model, data = run_training(
            CallbackReference(**job['train']),
            CallbackReference(**job['prepare']) if job['prepare'] else None,
            data,
            load_pickle(folder / 'previous.joblib') if job['adapts'] else None,
        )
        result['data'] = data.to_json()
        try:
            save_pickle(model, folder / 'model.joblib')
        except Exception as error:
            result['error'] = (
                f'the model, a {type(model).__name__}, cannot be saved: '
                f'{type(error).__name__}: {error}'
            )
    except (Exception, SystemExit) as error:
        lines, result['error'] = describe_error(error)
        print(*lines, sep='\n', end='\n' if lines else '', flush=True)
    (folder / 'result.json').write_text(json.dumps(result))
    return 1 if result['error'] else 0


if __name__ == '__main__':
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # do not wait for threads that a library left running
