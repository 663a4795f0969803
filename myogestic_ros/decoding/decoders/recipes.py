"""Recipes of the built-in decoders, and of any scikit-learn estimator by import path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.base import is_classifier
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline as Steps
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.decoding.decoders.estimator_path import estimator_at, is_estimator_path
from myogestic_ros.decoding.decoders.linear_decoder import LogAmplitude, make_lda
from myogestic_ros.decoding.decoders.proportional import (
    BoundedRegressor,
    PerFeature,
    extract_amplitudes,
)
from myogestic_ros.decoding.decoders.recipe import Extract, MakeEstimator, Recipe
from myogestic_ros.decoding.estimators.block_ensemble import BlockEnsemble
from myogestic_ros.decoding.estimators.bounded_gaussian_process import BoundedGaussianProcess
from myogestic_ros.decoding.estimators.discriminant import RegularisedDiscriminant
from myogestic_ros.decoding.estimators.tangent_space import TangentSpace
from myogestic_ros.decoding.features.hudgins import amplitude_columns, extract_hudgins
from myogestic_ros.decoding.features.lagged_covariance import (
    block_sizes,
    extract_covariances,
    extract_log_covariances,
    extract_log_covariances_and_hudgins,
)

__all__ = ['DEFAULT', 'recipe', 'recipe_names']

DEFAULT = 'covariance'
"""Name of the default decoder."""

DISTANCE = 2**0.5
"""Typical distance of two windows in standardised features after `PerFeature`, without unit.

Used as the width of Gaussian kernels (median heuristic)."""


def recipe_names() -> list[str]:
    """Return the names of the built-in decoders, the default first."""
    return [DEFAULT, *sorted(name for name in _RECIPES if name != DEFAULT)]


def recipe(name: str = DEFAULT) -> Recipe:
    """Return the recipe of a built-in decoder.

    Parameters
    ----------
    name : str
        One of `recipe_names`, or the import path of a scikit-learn estimator, such as
        ``sklearn.svm:SVC`` or ``sklearn.svm:SVC(C=10.0)``. A classifier is trained on Hudgins'
        features, a regressor on amplitudes.

    Raises
    ------
    DecoderError
        If there is no such built-in decoder or estimator.
    """
    if name in _RECIPES:
        return _RECIPES[name]
    if is_estimator_path(name):
        return _recipe_from_path(name)
    raise DecoderError(
        f"There is no built-in decoder '{name}'; expected {', '.join(recipe_names())}, or the "
        f'import path of a scikit-learn estimator, such as sklearn.svm:SVC.'
    )


def _recipe_from_path(path: str) -> Recipe:
    if is_classifier(estimator_at(path)):
        return _classifier(
            path,
            f"Hudgins' time-domain features, {path}",
            extract_hudgins,
            lambda n_channels: _with_log_amplitudes(n_channels, estimator_at(path)),
        )
    return _regressor(path, f'amplitudes, {path}', lambda: estimator_at(path))


def _with_log_amplitudes(n_channels: Mapping[str, int], estimator: Any) -> Any:
    log = LogAmplitude(amplitude_columns(n_channels))
    return Steps([('log', log), ('scale', StandardScaler()), ('estimator', estimator)])


def _classifier(name: str, description: str, extract: Extract, make: MakeEstimator) -> Recipe:
    return Recipe(name, description, 'classification', extract, make)


def _regressor(name: str, description: str, estimator: Callable[[], Any]) -> Recipe:
    def make_estimator(n_channels: Mapping[str, int]) -> Any:
        scaled = [('scale', StandardScaler()), ('size', PerFeature()), ('estimator', estimator())]
        return BoundedRegressor(Steps(scaled))

    return Recipe(name, description, 'regression', extract_amplitudes, make_estimator)


def _covariance_and_hudgins(n_channels: Mapping[str, int]) -> Any:
    log = LogAmplitude(amplitude_columns(n_channels))
    on_hudgins = Steps([('log', log), ('discriminant', RegularisedDiscriminant())])
    ensemble = BlockEnsemble(
        block_sizes(n_channels), [Steps([('discriminant', RegularisedDiscriminant())]), on_hudgins]
    )
    return Steps([('ensemble', ensemble)])


def _gaussian_process() -> Any:
    # Targets are not centred: far from all training windows the prediction is 0, the rest posture.
    kernel = ConstantKernel(1.0) * RBF(DISTANCE, (DISTANCE / 2, 2 * DISTANCE))
    return BoundedGaussianProcess(kernel + WhiteKernel(0.1, (1e-3, 1.0)), random_state=0)


_RECIPES: dict[str, Recipe] = {
    found.name: found
    for found in (
        _classifier(
            'covariance',
            "log covariance of the channels with a time lag, and Hudgins' features; regularised "
            'discriminant analysis of each (highest accuracy)',
            extract_log_covariances_and_hudgins,
            _covariance_and_hudgins,
        ),
        _classifier(
            'htd_lda',
            "Hudgins' time-domain features, linear discriminant with shrinkage",
            extract_hudgins,
            lambda n_channels: make_lda(amplitude_columns(n_channels)),
        ),
        _classifier(
            'lda',
            'log covariance with a time lag, linear discriminant with shrinkage',
            extract_log_covariances,
            lambda n_channels: Steps(
                [
                    ('scale', StandardScaler()),
                    ('lda', LinearDiscriminantAnalysis(solver='lsqr', shrinkage='auto')),
                ]
            ),
        ),
        _classifier(
            'svm',
            'log covariance with a time lag, support vector machine with a Gaussian kernel',
            extract_log_covariances,
            lambda n_channels: Steps(
                [('scale', StandardScaler()), ('svm', SVC(C=10.0, gamma='scale'))]
            ),
        ),
        _classifier(
            'rf',
            "Hudgins' time-domain features, random forest",
            extract_hudgins,
            lambda n_channels: RandomForestClassifier(200, random_state=0),
        ),
        _classifier(
            'riemann',
            'covariances in the tangent space at their geometric mean, linear discriminant with '
            'shrinkage',
            extract_covariances,
            lambda n_channels: Steps(
                [
                    ('tangent', TangentSpace()),
                    ('lda', LinearDiscriminantAnalysis(solver='lsqr', shrinkage='auto')),
                ]
            ),
        ),
        _regressor('ridge', 'amplitudes, ridge regression', lambda: Ridge(alpha=1.0)),
        _regressor(
            'kernel_ridge',
            'amplitudes, kernel ridge regression with a Gaussian kernel',
            lambda: KernelRidge(alpha=0.1, kernel='rbf', gamma=0.5 / DISTANCE**2),
        ),
        _regressor('gp', 'amplitudes, Gaussian process', _gaussian_process),
    )
}
