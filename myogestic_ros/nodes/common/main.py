"""Run one node as a process: command line, signals, spinning, exit code."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import inspect
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.file_access import restrict_files
from myogestic_ros.core.untrusted import printable
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode

__all__ = ['run']

USAGE_ERROR = 2
INTERRUPTED_TWICE = 130
PR_SET_TIMERSLACK = 29
FINISH_TIMEOUT_S = 3.5
SHUTDOWN_LIMIT_S = 4.5
"""After a signal, a process that has not ended by then is ended, whatever it is waiting for."""
LAST_RESORT_S = 0.3
"""Further time until the process is ended from C, if no thread gets the interpreter."""
NOT_ENDED = 3
MAX_FAILURES_IN_A_ROW = 10000
"""After more failures in a row, spinning itself is taken to fail, and the process ends."""
SWITCH_INTERVAL_S = 0.001
"""Longest time for which a thread keeps the interpreter while another waits for it; Python's
default, 5 ms, would add to the latency of predictions."""


class _ShutdownSignals:
    """Turn SIGINT and SIGTERM into an event and wake the executor; a second signal exits at once.

    rclpy's own handler invalidates the context while the node still needs it to shut down.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.wake: Callable[[], None] = lambda: None
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        threading.Thread(target=self._wait, name='signals', daemon=True).start()

    def _wait(self) -> None:
        os.read(self._read, 1)
        threading.Thread(target=_end_after_limit, name='shutdown limit', daemon=True).start()
        self.stop.set()
        self.wake()
        os.read(self._read, 1)
        os._exit(INTERRUPTED_TWICE)


def _end_after_limit() -> None:
    """End the process when the time to shut down is over.

    Fast DDS may hang while a participant is destroyed, and a thread in C, such as one that
    unpickles a model, cannot be interrupted.
    """
    with contextlib.suppress(Exception):  # without stderr
        faulthandler.dump_traceback_later(SHUTDOWN_LIMIT_S + LAST_RESORT_S, exit=True)
    time.sleep(SHUTDOWN_LIMIT_S)
    with contextlib.suppress(Exception):
        print(
            f'{os.path.basename(sys.argv[0])}: not ended {SHUTDOWN_LIMIT_S} s after the signal; '
            f'the process is ended. Its threads:',
            file=sys.stderr,
            flush=True,
        )
        faulthandler.dump_traceback(all_threads=True)
    os._exit(NOT_ENDED)


def run(make_node: Callable[..., ManagedNode], args: list[str] | None = None) -> int:
    """Construct a node, spin it until SIGINT or SIGTERM, and shut it down.

    Parameters
    ----------
    make_node : callable
        Returns the node; usually its class.
    args : list of str, optional
        Command line; ``sys.argv`` by default.

    Returns
    -------
    int
        Exit code: 0 after SIGINT or SIGTERM, 1 after an error, 2 for an invalid command line or
        parameter. A process that does not end in time after a signal is ended with code 3.
    """
    restrict_files()  # before the log is opened; a node may have a parameter for it
    signals = _ShutdownSignals()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with contextlib.suppress(OSError, AttributeError):  # Linux only: end sleeps without slack
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    arguments = sys.argv if args is None else args
    try:
        unknown = remove_ros_args(arguments)[1:]
        if any(argument in ('-h', '--help') for argument in unknown):
            print(inspect.getdoc(make_node))
            return 0
        if unknown:
            return _usage_error(
                f'unknown arguments: {" ".join(unknown)}; parameters are given as '
                f'--ros-args -p name:=value'
            )
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = make_node()
    except (ParameterException, MyoGesticError) as error:
        return _usage_error(str(error))
    except Exception as error:
        if type(error).__name__ in ('RCLInvalidROSArgsError', 'UnknownROSArgsError', 'RCLError'):
            return _usage_error(str(error).splitlines()[0])
        _print_traceback()
        return 1
    try:
        return _spin(node, signals)
    finally:
        with contextlib.suppress(Exception):
            node.destroy_node()
        rclpy.try_shutdown()


def _spin(node: ManagedNode, signals: _ShutdownSignals) -> int:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    # Executor.wake() alone does not end a spin_once() that finds no work: it would wait until its
    # timeout.
    signals.wake = lambda: executor.create_task(lambda: None)
    code = 0
    try:
        _warn_about_unknown_parameters(node)
        node.discover(signals.stop)
        node.autostart()
        failures = 0
        while not signals.stop.is_set():
            failures = 0 if _spin_once(executor, node) else failures + 1
            if failures > MAX_FAILURES_IN_A_ROW:
                code = 1
                break
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        _print_traceback()
        code = 1
    with contextlib.suppress(Exception):
        finished = node.finish()
        if finished is not None:
            executor.spin_until_future_complete(finished, timeout_sec=FINISH_TIMEOUT_S)
    with contextlib.suppress(Exception):
        node.trigger_shutdown()
    executor.shutdown(timeout_sec=1.0)
    return code


def _spin_once(executor: SingleThreadedExecutor, node: ManagedNode) -> bool:
    """Run at most one callback; log its exception, and return False if there was one."""
    try:
        executor.spin_once(timeout_sec=1.0)
    except (KeyboardInterrupt, ExternalShutdownException):
        raise
    except Exception:
        if not rclpy.ok():
            raise
        node.get_logger().error(
            f'A callback failed:\n{traceback.format_exc()}', throttle_duration_sec=1.0
        )
        return False
    return True


def _warn_about_unknown_parameters(node: ManagedNode) -> None:
    for name in node._parameter_overrides:
        if not node.has_parameter(name) and not name.startswith('qos_overrides.'):
            node.get_logger().warning(f"There is no parameter '{name}'; it is ignored.")


def _print_traceback() -> None:
    print(printable(traceback.format_exc(), multiline=True), end='', file=sys.stderr)


def _usage_error(sentence: str) -> int:
    text = printable(sentence, multiline=True)
    print(f'{os.path.basename(sys.argv[0])}: {text}', file=sys.stderr)
    rclpy.try_shutdown()
    return USAGE_ERROR
