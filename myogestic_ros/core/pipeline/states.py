"""The states of the pipeline."""

from __future__ import annotations

from enum import Enum

__all__ = ['PipelineState']


class PipelineState(str, Enum):
    """State of a pipeline; each state equals its name (``state == 'predicting'``).

    Attributes
    ----------
    IDLE : str
        ``'idle'``: neither training nor predicting.
    TRAINING : str
        ``'training'``: a model is being trained or adapted.
    PREDICTING : str
        ``'predicting'``: each tick of the primary stream is predicted.
    """

    IDLE = 'idle'
    TRAINING = 'training'
    PREDICTING = 'predicting'

    def __str__(self) -> str:
        return self.value
