"""Recipe: the features and the estimator of a built-in decoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Samples

__all__ = ['Extract', 'MakeEstimator', 'Recipe']

Features = NDArray[np.floating[Any]]
Extract = Callable[[Mapping[str, Samples]], Features]
MakeEstimator = Callable[[Mapping[str, int]], Any]


@dataclass(frozen=True)
class Recipe:
    """Definition of a built-in decoder, without any data.

    Attributes
    ----------
    name : str
        Name for ``decoder:=name`` and ``myogestic train --decoder name``.
    description : str
        Features and estimator in one line.
    kind : {'classification', 'regression'}
        A classifier predicts a class; a regressor predicts a value for every DoF.
    extract : callable
        ``extract(windows) -> features``: windows of shape ``([n_windows,] n_channels, n_samples)``
        by stream name to features of shape ``([n_windows,] n_features)``.
    make_estimator : callable
        ``make_estimator(n_channels) -> estimator``: an untrained scikit-learn estimator for
        features of shape ``(n_windows, n_features)``; ``n_channels`` is the number of channels of
        each stream.
    """

    name: str
    description: str
    kind: Literal['classification', 'regression']
    extract: Extract
    make_estimator: MakeEstimator
