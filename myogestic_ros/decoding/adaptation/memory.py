"""Training windows that a model keeps, so that it can be recalibrated later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.public_address import public_address

__all__ = ['Memory']

MAX_BYTES = 16_000_000
"""Maximum size of the features that a model keeps, bytes."""

Features = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@public_address
@dataclass(frozen=True)
class Memory:
    """Training windows that a model keeps, so that it can be recalibrated later.

    Attributes
    ----------
    features : ndarray of float32, shape (n_windows, n_features)
        Features of all or some training windows, in order of time within each class.
    classes : ndarray of int, shape (n_windows,)
        Class index of each window.
    class_names : dict of int to str
        Name of each class.
    covariances : dict of str to ndarray, shape (n_channels, n_channels)
        Covariance of the channels for each class, by class name, volt². A rotation of the
        electrodes is detected with them. Empty if they were not computed.
    """

    features: NDArray[np.float32]
    classes: Ints
    class_names: dict[int, str]
    covariances: dict[str, Floats] = field(default_factory=dict)

    @classmethod
    def from_windows(
        cls,
        features: Features,
        classes: Ints,
        class_names: Mapping[int, str],
        covariances: Mapping[str, Floats] | None = None,
    ) -> Memory:
        """Keep training windows: all, or an evenly spaced selection of at most `MAX_BYTES`.

        Parameters
        ----------
        features : ndarray, shape (n_windows, n_features)
        classes : ndarray of int, shape (n_windows,)
        class_names : mapping of int to str
        covariances : mapping of str to ndarray, optional
            As the attributes of the same names.
        """
        keep: NDArray[np.intp] = np.arange(len(features))
        most = max(1, MAX_BYTES // (4 * features.shape[1]))
        if len(keep) > most:
            share = most / len(keep)
            chosen = []
            for index in np.unique(classes):
                own = np.flatnonzero(classes == index)
                count = max(1, min(len(own), round(share * len(own))))
                chosen.append(own[np.linspace(0, len(own) - 1, count).round().astype(np.intp)])
            keep = np.sort(np.concatenate(chosen))
        return cls(
            np.asarray(features[keep], np.float32),
            classes[keep].astype(np.int64),
            dict(class_names),
            dict(covariances or {}),
        )
