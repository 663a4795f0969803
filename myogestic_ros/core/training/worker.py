"""The process that a training runs in: ``python -m myogestic_ros.core.training.worker JOB_FOLDER``.

It reads ``job.json``, calls the train callback, and leaves ``result.json`` and, after success,
``model.joblib``. What is printed is the training log. It ends with the process that started it:
that one holds the other end of its standard input.
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

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.models.serialization import load_pickle, save_pickle
from myogestic_ros.core.streams.training_filters import filters_to_environment, training_filters
from myogestic_ros.core.training.cleanup import remove_temporary_files
from myogestic_ros.core.training.decoder_file import CallbackReference
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['failure', 'main', 'run_training']


def run_training(
    train: CallbackReference | Any,
    prepare: CallbackReference | Any | None,
    data: TrainingData,
    old: Any = None,
) -> tuple[Any, TrainingData]:
    """Prepare the data, call ``train``, and return the model and the prepared data.

    Windows that ``train`` reads are filtered as the streams of the data say.
    With an ``old`` model, ``train`` is a callback that adapts it: ``train(old, data)``.

    Raises
    ------
    TrainingError
        When ``train`` returned None.
    """
    from myogestic_ros.core.errors import TrainingError

    def function(callback: Any) -> Any:
        return callback.resolve() if isinstance(callback, CallbackReference) else callback

    if prepare is not None:
        data = function(prepare)(data)
    with training_filters({spec.name: spec.filters for spec in data.streams}):
        model = function(train)(data) if old is None else function(train)(old, data)
    if model is None:
        raise TrainingError(
            f'{"train" if old is None else "adapt"} returned None, expected a model (does it end without a return statement?); '
            'the previous model stays in use.'
        )
    return model, data


def failure(error: BaseException) -> tuple[list[str], str]:
    """Return lines for the training log, and the sentence that says why a training failed.

    Where an error was raised is told of errors that others raise; ours say what there is to know.
    """
    if isinstance(error, MyoGesticError):
        return [], str(error)
    lines = ''.join(traceback.format_exception(error)).splitlines()
    return lines, f'{type(error).__name__}: {error}'


def _end_with_parent(folder: Path) -> None:
    """Kill this process and its children when the parent is gone."""
    while os.read(0, 4096):  # not sys.stdin: its lock would abort the interpreter's end
        pass
    remove_temporary_files(folder, os.getpid())
    os.killpg(0, signal.SIGKILL)


def _yield_to_the_living() -> None:
    """Be the first to go when memory runs out, and leave the processor to running nodes."""
    with contextlib.suppress(OSError):
        Path('/proc/self/oom_score_adj').write_text('1000')
    with contextlib.suppress(OSError):
        os.nice(5)


def main(folder: Path) -> int:
    """Run the job in ``folder``; return the exit code."""
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    _yield_to_the_living()
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
            load_pickle(folder / 'old.joblib') if job['adapts'] else None,
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
        lines, result['error'] = failure(error)
        print(*lines, sep='\n', end='\n' if lines else '', flush=True)
    (folder / 'result.json').write_text(json.dumps(result))
    return 1 if result['error'] else 0


if __name__ == '__main__':
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads that a library left behind do not hold up the end
