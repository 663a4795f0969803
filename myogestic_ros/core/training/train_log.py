"""What a training says."""

from __future__ import annotations

__all__ = ['TrainLog']


class TrainLog(list[str]):
    """The lines of a training; a line that ``train`` appends is printed, so that it is heard.

    A training runs in a process of its own, and what it prints is its log. MyoGestic's decoders
    append to ``pipeline.train_log`` instead.
    """

    def append(self, line: str) -> None:
        """Print a line."""
        self.note(str(line))
        print(line, flush=True)

    def note(self, line: str) -> None:
        """Take note of a line that has been printed."""
        super().append(line)
