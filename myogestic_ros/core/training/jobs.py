"""A single training, in a separate process or in a thread."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.models.serialization import load_pickle, save_pickle
from myogestic_ros.core.training.cleanup import JOBLIB_FOLDER_VARIABLE, remove_temporary_files
from myogestic_ros.core.training.decoder_file import CallbackReference
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.core.training.worker import describe_error, run_training

__all__ = ['Outcome', 'ProcessTraining', 'ThreadTraining', 'report_progress']

PROGRESS = '@progress '
"""Prefix of a printed line that reports progress."""

WORKER_VARIABLE = 'MYOGESTIC_ROS_TRAINING'
"""Environment variable that is set in a training process."""


def report_progress(share: float, text: str = '') -> None:
    """Report the progress of a training from within ``train`` or ``adapt``.

    Parameters
    ----------
    share : float
        Share of the work that is done, 0 to 1.
    text : str
        Description of the current step; a line of the training log.
    """
    print(f'{PROGRESS}{share:.4f} {text}', flush=True)


@dataclass(frozen=True)
class Outcome:
    """Result of a training.

    Attributes
    ----------
    model : object or None
        The trained model; None after an error.
    data : TrainingData or None
        The prepared training data; None after an error.
    error : str
        Reason why the training failed; empty after success.
    """

    model: Any = None
    data: TrainingData | None = None
    error: str = ''


class _Training:
    """Base of both kinds of training: passes on lines, progress and the outcome."""

    def __init__(
        self,
        on_line: Callable[[str], None],
        on_progress: Callable[[float], None],
        on_done: Callable[[Outcome], None],
    ) -> None:
        self._on_line = on_line
        self._on_progress = on_progress
        self._on_done = on_done
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name='training', daemon=True)

    def _run(self) -> None:
        raise NotImplementedError

    def _line(self, line: str) -> None:
        if self._cancelled.is_set():
            return
        if line.startswith(PROGRESS):
            share, _, line = line[len(PROGRESS) :].partition(' ')
            with contextlib.suppress(ValueError):
                self._on_progress(min(1.0, max(0.0, float(share))))
        if line:
            self._on_line(line)

    def _done(self, outcome: Outcome) -> None:
        if not self._cancelled.is_set():
            self._cancelled.set()  # ignore later output of processes that it left running
            self._on_done(outcome)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the training has ended, at most ``timeout_s`` if given."""
        self._thread.join(timeout_s)


class ProcessTraining(_Training):
    """Training in a separate process, which can be killed at any time.

    Parameters
    ----------
    train : CallbackReference
        ``train(data) -> model``, or ``train(model, data) -> model`` to adapt a model.
    prepare : CallbackReference or None
        ``prepare(data) -> data``, called before ``train``.
    data : TrainingData
        The training data.
    on_line : callable
        Called with each printed line.
    on_progress : callable
        Called with the share of the training that is done, 0 to 1.
    on_done : callable
        Called with the `Outcome`. All three are called from threads of this object.
    model : object, optional
        The model to adapt.

    Raises
    ------
    TrainingError
        If this process is a training itself.
    TypeError
        If the data cannot be written as JSON.
    """

    def __init__(
        self,
        train: CallbackReference,
        prepare: CallbackReference | None,
        data: TrainingData,
        *,
        on_line: Callable[[str], None],
        on_progress: Callable[[float], None],
        on_done: Callable[[Outcome], None],
        model: Any = None,
    ) -> None:
        super().__init__(on_line, on_progress, on_done)
        if os.environ.get(WORKER_VARIABLE):
            raise TrainingError(
                'a training cannot start another one; put the script part of the decoder file '
                "under: if __name__ == '__main__':"
            )
        job = {
            'train': asdict(train),
            'prepare': asdict(prepare) if prepare else None,
            'data': data.to_json(),
            'path': [entry or os.getcwd() for entry in sys.path],
            'adapts': model is not None,
        }
        text = json.dumps(job)
        self._folder = Path(tempfile.mkdtemp(prefix='myogestic-training-'))
        (self._folder / 'job.json').write_text(text)
        if model is not None:
            save_pickle(model, self._folder / 'previous.joblib')
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'myogestic_ros.core.training.worker', str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the node, which ends the worker
            env=self._environment(),
        )
        self._thread.start()

    def _environment(self) -> dict[str, str]:
        package_parent = str(Path(__file__).resolve().parents[3])
        path = [package_parent, *filter(None, os.environ.get('PYTHONPATH', '').split(os.pathsep))]
        changes = {
            'PYTHONUNBUFFERED': '1',
            'PYTHONPATH': os.pathsep.join(path),
            WORKER_VARIABLE: '1',
            JOBLIB_FOLDER_VARIABLE: str(self._folder),
        }
        return dict(os.environ, **changes)

    @property
    def pid(self) -> int:
        """Process id of the worker, the leader of a process group."""
        return self._process.pid

    def cancel(self) -> None:
        """Kill the process; ``on_done`` is not called."""
        self._cancelled.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _run(self) -> None:
        reader = threading.Thread(target=self._read, name='training log', daemon=True)
        reader.start()
        try:
            code = self._process.wait()
            with contextlib.suppress(ProcessLookupError):  # child processes that it left running
                os.killpg(self._process.pid, signal.SIGKILL)
            # A process that left the group may keep the pipe open.
            reader.join(timeout=2.0)
            self._done(self._outcome(code))
        finally:
            if self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
            remove_temporary_files(self._folder, self._process.pid)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in io.TextIOWrapper(self._process.stdout, errors='replace'):
            self._line(line.rstrip('\n'))

    def _outcome(self, code: int) -> Outcome:
        try:
            result = json.loads((self._folder / 'result.json').read_text())
        except (OSError, ValueError):
            return Outcome(error=_exit_error(code))
        if result['error']:
            return Outcome(error=result['error'])
        try:
            model = load_pickle(self._folder / 'model.joblib')
        except Exception as error:
            return Outcome(
                error=f'the model cannot be loaded here: {type(error).__name__}: {error}'
            )
        return Outcome(model, TrainingData.from_json(result['data']))


def _exit_error(code: int) -> str:
    if code < 0:
        known = {number.value: number.name for number in signal.Signals}
        name = known.get(-code, f'signal {-code}')
        hint = ' (out of memory?)' if name == 'SIGKILL' else ''
        return f'the training process was killed by {name}{hint}.'
    return f'the training process exited with code {code} before it returned a model.'


class ThreadTraining(_Training):
    """Training in a thread, for callbacks that another process cannot import.

    It cannot be killed: after `cancel` it runs to its end, and its result is ignored. The
    parameters are those of `ProcessTraining`, with callables instead of references.
    """

    def __init__(
        self,
        train: Callable[[TrainingData], Any],
        prepare: Callable[[TrainingData], TrainingData] | None,
        data: TrainingData,
        *,
        on_line: Callable[[str], None],
        on_progress: Callable[[float], None],
        on_done: Callable[[Outcome], None],
        model: Any = None,
    ) -> None:
        super().__init__(on_line, on_progress, on_done)
        self._callbacks = (train, prepare, data, model)
        self._thread.start()

    def cancel(self) -> None:
        """Ignore the training from now on; ``on_done`` is not called."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            with _ThreadOutput(self._line):
                outcome = Outcome(*run_training(*self._callbacks))
        except BaseException as error:  # sys.exit() must end the training, not only the thread
            lines, message = describe_error(error)
            for line in lines:
                self._line(line)
            outcome = Outcome(error=message)
        self._done(outcome)


class _ThreadOutput(io.TextIOBase):
    """Standard output that collects the lines of one thread and forwards those of others.

    It replaces ``sys.stdout`` as a context manager. A cancelled training may end before or after
    the next one: an instance that is no longer the outermost stays in the chain and forwards
    everything.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._owner: int | None = threading.get_ident()
        self._stdout = sys.stdout
        self._rest = ''

    def __enter__(self) -> _ThreadOutput:
        sys.stdout = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rest:
            self._on_line(self._rest)
        self._owner = None  # another thread may get the same id
        if sys.stdout is self:
            sys.stdout = self._stdout

    def flush(self) -> None:
        if threading.get_ident() != self._owner:
            self._stdout.flush()

    def write(self, text: str) -> int:
        if threading.get_ident() != self._owner:
            return self._stdout.write(text)
        *lines, self._rest = (self._rest + text).split('\n')
        for line in lines:
            self._on_line(line)
        return len(text)
