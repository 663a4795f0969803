"""One training: in a process of its own, or, when it must be, in a thread."""

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
from myogestic_ros.core.training.cleanup import SHARED_FILES, remove_temporary_files
from myogestic_ros.core.training.decoder_file import CallbackReference
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.core.training.worker import failure, run_training

__all__ = ['Outcome', 'ProcessTraining', 'ThreadTraining', 'report_progress']

PROGRESS = '@progress '

WORKER = 'MYOGESTIC_ROS_TRAINING'
"""Environment variable that is set where a training runs."""


def report_progress(share: float, text: str = '') -> None:
    """Tell, from within ``train``, how far it is.

    Parameters
    ----------
    share : float
        Share of the work that is done, 0 to 1.
    text : str
        What is being done; goes to the training log.
    """
    print(f'{PROGRESS}{share:.4f} {text}', flush=True)


@dataclass(frozen=True)
class Outcome:
    """How a training ended: a model, or an error in a sentence."""

    model: Any = None
    data: TrainingData | None = None
    error: str = ''


class _Training:
    """What both kinds of training share: lines go out as they come, and one outcome at the end."""

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
            self._cancelled.set()  # what a daemon of it prints from now on is no line of the next
            self._on_done(outcome)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)


class ProcessTraining(_Training):
    """A training in a process of its own, which can be killed at any moment.

    Parameters
    ----------
    train, prepare : CallbackReference
        Functions to call there: ``prepare(data) -> data`` first (optional), then
        ``train(data) -> model``.
    data : TrainingData
        What to train on.
    on_line, on_progress, on_done : callable
        Called from a thread of this object, as things happen.
    old : object, optional
        A model to adapt: ``train`` gets it before the data.
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
        old: Any = None,
    ) -> None:
        super().__init__(on_line, on_progress, on_done)
        if os.environ.get(WORKER):
            raise TrainingError(
                'a training cannot start another one; put what a decoder file does as a script '
                "under: if __name__ == '__main__':"
            )
        job = {
            'train': asdict(train),
            'prepare': asdict(prepare) if prepare else None,
            'data': data.to_json(),
            'path': [entry or os.getcwd() for entry in sys.path],
            'adapts': old is not None,
        }
        text = json.dumps(job)
        self._folder = Path(tempfile.mkdtemp(prefix='myogestic-training-'))
        (self._folder / 'job.json').write_text(text)
        if old is not None:
            save_pickle(old, self._folder / 'old.joblib')
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'myogestic_ros.core.training.worker', str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the node; it ends the worker itself
            env=self._environment(),
        )
        self._thread.start()

    def _environment(self) -> dict[str, str]:
        package_parent = str(Path(__file__).resolve().parents[2])
        path = [package_parent, *filter(None, os.environ.get('PYTHONPATH', '').split(os.pathsep))]
        changes = {
            'PYTHONUNBUFFERED': '1',
            'PYTHONPATH': os.pathsep.join(path),
            WORKER: '1',
            SHARED_FILES: str(self._folder),
        }
        return dict(os.environ, **changes)

    @property
    def pid(self) -> int:
        """Process id of the worker, which leads a process group of its own."""
        return self._process.pid

    def cancel(self) -> None:
        """End it now; no outcome follows."""
        self._cancelled.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _run(self) -> None:
        reader = threading.Thread(target=self._read, name='training log', daemon=True)
        reader.start()
        try:
            code = self._process.wait()
            with contextlib.suppress(ProcessLookupError):  # helpers that it left behind
                os.killpg(self._process.pid, signal.SIGKILL)
            # One that left the process group may hold the pipe open for ever.
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
            return Outcome(error=_how_it_died(code))
        if result['error']:
            return Outcome(error=result['error'])
        try:
            model = load_pickle(self._folder / 'model.joblib')
        except Exception as error:
            return Outcome(
                error=f'the model cannot be loaded here: {type(error).__name__}: {error}'
            )
        return Outcome(model, TrainingData.from_json(result['data']))


def _how_it_died(code: int) -> str:
    if code < 0:
        known = {number.value: number.name for number in signal.Signals}
        name = known.get(-code, f'signal {-code}')
        hint = ' (out of memory?)' if name == 'SIGKILL' else ''
        return f'the training process was killed by {name}{hint}.'
    return f'the training process exited with code {code} before it returned a model.'


class ThreadTraining(_Training):
    """A training in a thread, for callbacks that no other process can import.

    It cannot be killed: cancelled, it runs on unheard to its end.
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
        old: Any = None,
    ) -> None:
        super().__init__(on_line, on_progress, on_done)
        self._callbacks = (train, prepare, data, old)
        self._thread.start()

    def cancel(self) -> None:
        """Take no more notice of it; no outcome follows."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            with _ThreadOutput(self._line):
                outcome = Outcome(*run_training(*self._callbacks))
        except BaseException as error:  # a sys.exit() too ends the training, not just the thread
            lines, sentence = failure(error)
            for line in lines:
                self._line(line)
            outcome = Outcome(error=sentence)
        self._done(outcome)


class _ThreadOutput(io.TextIOBase):
    """Standard output that takes the lines of the thread it was made in, and passes on others'.

    It is in place as a context manager. One that was cancelled may end before or after the next
    one; whichever is not the outermost stays in the chain and passes everything on.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._owner: int | None = threading.get_ident()
        self._elsewhere = sys.stdout
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
        self._owner = None  # another thread may get the same number
        if sys.stdout is self:
            sys.stdout = self._elsewhere

    def flush(self) -> None:
        if threading.get_ident() != self._owner:
            self._elsewhere.flush()

    def write(self, text: str) -> int:
        if threading.get_ident() != self._owner:
            return self._elsewhere.write(text)
        *lines, self._rest = (self._rest + text).split('\n')
        for line in lines:
            self._on_line(line)
        return len(text)
