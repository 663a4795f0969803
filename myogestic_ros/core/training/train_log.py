"""The log of a training."""

from __future__ import annotations

__all__ = ['TrainLog']


class TrainLog(list[str]):
    """List of the lines that a training printed.

    A training runs in a separate process, and its output is the log. Decoders for MyoGestic append
    to ``pipeline.train_log`` instead of printing: `append` prints the line.
    """

    def append(self, line: str) -> None:
        """Print a line."""
        self.add_printed(str(line))
        print(line, flush=True)

    def add_printed(self, line: str) -> None:
        """Add a line that has been printed."""
        super().append(line)
