"""Running one node as a process, from its first message to its exit code."""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode

__all__ = ['run']

BAD_CALL = 2
INTERRUPTED_TWICE = 130
PR_SET_TIMERSLACK = 29
WIND_UP_WITHIN_S = 3.0
MOST_FAILURES = 10000
"""More callbacks than this that fail in a row mean that waiting for them is what fails."""
SWITCH_INTERVAL_S = 0.001
"""How soon a thread that waits for the interpreter gets it; Python's default is five times as
long, and would show in the latency."""


class _Interrupts:
    """SIGINT and SIGTERM as an event that also wakes the executor; a second one ends at once.

    rclpy's own handler invalidates the context under the node, which then cannot say goodbye.
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
        self.stop.set()
        self.wake()
        os.read(self._read, 1)
        os._exit(INTERRUPTED_TWICE)


def run(make_node: Callable[..., ManagedNode], args: list[str] | None = None) -> int:
    """Make a node, spin it until SIGINT or SIGTERM, end it in order; return the exit code.

    Parameters
    ----------
    make_node : callable
        Returns the node; usually its class.
    args : list of str, optional
        Command line; ``sys.argv`` by default.

    Returns
    -------
    int
        0 after SIGINT or SIGTERM, 1 after an error, 2 when it was called wrongly.
    """
    interrupts = _Interrupts()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with contextlib.suppress(OSError, AttributeError):  # Linux: wake sleepers when they are due
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    arguments = sys.argv if args is None else args
    try:
        unknown = remove_ros_args(arguments)[1:]
        if any(argument in ('-h', '--help') for argument in unknown):
            print(inspect.getdoc(make_node))
            return 0
        if unknown:
            return _complain(
                f'unknown arguments: {" ".join(unknown)}; parameters are given as '
                f'--ros-args -p name:=value'
            )
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = make_node()
    except (ParameterException, MyoGesticError) as error:
        return _complain(str(error))
    except Exception as error:
        if type(error).__name__ in ('RCLInvalidROSArgsError', 'UnknownROSArgsError', 'RCLError'):
            return _complain(str(error).splitlines()[0])
        traceback.print_exc()
        return 1
    try:
        return _spin(node, interrupts)
    finally:
        with contextlib.suppress(Exception):
            node.destroy_node()
        rclpy.try_shutdown()


def _spin(node: ManagedNode, interrupts: _Interrupts) -> int:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    interrupts.wake = executor.wake
    code = 0
    try:
        _warn_about_unknown_parameters(node)
        node.look_around(interrupts.stop)
        node.autostart()
        failures = 0
        while not interrupts.stop.is_set():
            failures = 0 if _survives(executor, node) else failures + 1
            if failures > MOST_FAILURES:
                code = 1
                break
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):
        last_words = node.wind_up()
        if last_words is not None:
            executor.spin_until_future_complete(last_words, timeout_sec=WIND_UP_WITHIN_S)
    with contextlib.suppress(Exception):
        node.trigger_shutdown()
    executor.shutdown(timeout_sec=1.0)
    return code


def _survives(executor: SingleThreadedExecutor, node: ManagedNode) -> bool:
    """Run one callback; report one that raises, and return whether it did not."""
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


def _warn_about_unknown_parameters(node: Any) -> None:
    for name in node._parameter_overrides:
        if not node.has_parameter(name) and not name.startswith('qos_overrides.'):
            node.get_logger().warning(f"There is no parameter '{name}'; it is ignored.")


def _complain(sentence: str) -> int:
    print(f'{os.path.basename(sys.argv[0])}: {sentence}', file=sys.stderr)
    rclpy.try_shutdown()
    return BAD_CALL
