"""A logger whose messages cannot control the terminal that shows them."""

from __future__ import annotations

import os
from typing import Any

from rclpy.impl import rcutils_logger

from myogestic_ros.core.untrusted import printable

__all__ = ['PrintableLogger']

# rclpy finds the line that logs, for `once` and `throttle_duration_sec`, by skipping these files.
rcutils_logger._internal_callers.append(os.path.realpath(__file__))


class PrintableLogger(rcutils_logger.RcutilsLogger):
    """Replace control characters, which may be in names from files and from the graph."""

    def log(self, message: str, severity: Any, name: str | None = None, **kwargs: Any) -> bool:
        """Log a message; see `rclpy.impl.rcutils_logger.RcutilsLogger.log`."""
        text = printable(str(message), multiline=True)
        return bool(super().log(text, severity, name, **kwargs))
