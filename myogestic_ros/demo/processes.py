"""Run nodes as child processes that end with their parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

__all__ = ['NodeProcesses']

STOP_WITHIN_S = 8.0
PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Let Linux terminate this process when its parent ends, even by SIGKILL."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class NodeProcesses:
    """Context manager that starts nodes of this package as processes and stops them on exit.

    Parameters
    ----------
    folder : Path
        Folder for parameter files and logs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Start a node with parameters. Its output is written to ``<name>.log``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f'{name}.yaml'
        file.write_text(yaml.safe_dump({'/**': {'ros__parameters': dict(parameters)}}))
        with (self.folder / f'{name}.log').open('wb') as log:
            self._processes[name] = subprocess.Popen(
                [
                    *(sys.executable, '-m', f'myogestic_ros.nodes.{name}.node'),
                    *('--ros-args', '--params-file', str(file)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ, PYTHONUNBUFFERED='1'),
                start_new_session=True,  # Ctrl-C signals only the demo, which stops the nodes
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no other thread runs yet
            )

    def pid(self, name: str) -> int:
        """Return the process id of a node."""
        return self._processes[name].pid

    def exit_message(self) -> str | None:
        """Return exit code and last output of a node that has exited, or None while all run."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                lines = (self.folder / f'{name}.log').read_text(errors='replace').splitlines()
                last = '\n  '.join(lines[-5:]) or 'nothing'
                return (
                    f'The {name} node ended with exit code {process.returncode}. Its last output:\n'
                    f'  {last}'
                )
        return None

    def stop(self) -> dict[str, int]:
        """Stop all nodes with SIGINT, after 8 s with SIGKILL; return their exit codes."""
        running = [process for process in self._processes.values() if process.poll() is None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        for process in running:
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return {name: process.returncode for name, process in self._processes.items()}

    def __enter__(self) -> NodeProcesses:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
