"""A Gaussian process whose kernel is kept within bounds, and which says when it lies at one."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor

from myogestic_ros.core.models.public_address import public_address

__all__ = ['BoundedGaussianProcess']


@public_address
class BoundedGaussianProcess(GaussianProcessRegressor):  # type: ignore[misc]
    """A Gaussian process whose bounds are meant.

    The likelihood that the kernel is fitted by takes windows for independent. Neighbours share
    samples, so it holds the targets for less noisy than they are, and narrows the kernel until it
    follows the noise. With the bounds out of its reach, R² on stretches of time that were left out
    falls from 0.99 to 0.90 on made-up ramps, and changes by no more than 0.04, either way, on
    other recordings. Where they bind, scikit-learn warns at every fit that another bound might fit
    better; this one can be asked once, with `told`.
    """

    def fit(self, X: Any, y: Any) -> BoundedGaussianProcess:  # noqa: N803
        """Train on features (n_windows, n_features) and targets (n_windows[, n_targets])."""
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'The optimal value found', ConvergenceWarning)
            super().fit(X, y)
        return self

    def told(self) -> str:
        """Say which parameters of the trained kernel lie at a bound; '' for none."""
        kernel = self.kernel_
        names = [parameter.name for parameter in kernel.hyperparameters if not parameter.fixed]
        near = np.isclose(kernel.theta[:, np.newaxis], kernel.bounds, atol=1e-5).any(axis=1)
        found = [
            f'{name.rpartition("__")[2]} {value:.3g}'
            for name, value, at in zip(names, np.exp(kernel.theta), near, strict=True)
            if at
        ]
        if not found:
            return ''
        return (
            f'The kernel of the Gaussian process lies at its bounds ({", ".join(found)}). The fit '
            f'alone would go further; it is held, for windows share samples and look less noisy '
            f'than they are. The figures are with these bounds.'
        )
