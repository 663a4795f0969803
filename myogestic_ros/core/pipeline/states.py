"""The states of the pipeline."""

from __future__ import annotations

from enum import Enum

__all__ = ['PipelineState']


class PipelineState(str, Enum):
    """State of a pipeline; each compares equal to its name (``state == 'predicting'``)."""

    IDLE = 'idle'
    TRAINING = 'training'
    PREDICTING = 'predicting'

    def __str__(self) -> str:
        return self.value
