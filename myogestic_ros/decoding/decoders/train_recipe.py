"""Training and recalibration of built-in decoders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import TrainingError
from myogestic_ros.core.training.jobs import report_progress
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.adaptation.callback import adapt_model
from myogestic_ros.decoding.datasets.target_set import load_targets
from myogestic_ros.decoding.decoders.class_decoder import ClassDecoder
from myogestic_ros.decoding.decoders.classifier_training import train_classifier
from myogestic_ros.decoding.decoders.parallel import parallel
from myogestic_ros.decoding.decoders.proportional import ProportionalDecoder
from myogestic_ros.decoding.decoders.recipe import Recipe
from myogestic_ros.decoding.estimators.bounded_gaussian_process import BoundedGaussianProcess

__all__ = ['adapt_recipe', 'train_recipe']

N_BLOCKS = 5
"""Folds of the cross-validation of a regressor: blocks of consecutive windows."""

Features = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


def train_recipe(recipe: Recipe, data: TrainingData) -> Any:
    """Train a built-in decoder; print window counts and scores.

    Parameters
    ----------
    recipe : Recipe
        Features and estimator.
    data : TrainingData
        Sessions, stream, window, hop, classes or targets, and parallel backend.

    Returns
    -------
    ClassDecoder or ProportionalDecoder

    Raises
    ------
    TrainingError
        If the sessions contain no training windows.
    """
    with parallel(data.backend):
        if recipe.kind == 'regression':
            return _train_regressor(recipe, data)
        return _train_classifier(recipe, data)


def _train_classifier(recipe: Recipe, data: TrainingData) -> ClassDecoder:
    model = train_classifier(
        data,
        extract=recipe.extract,
        make_estimator=recipe.make_estimator,
        build=_class_decoder,
    )
    model.parameters = {'recipe': recipe.name}
    return model


def adapt_recipe(recipe: Recipe, model: Any, data: TrainingData) -> Any:
    """Recalibrate a classifier with new sessions; print its scores.

    Raises
    ------
    TrainingError
        If the model cannot be recalibrated, or is better unchanged.
    """
    if recipe.kind == 'regression':
        raise TrainingError(
            f"A model of decoder '{recipe.name}' cannot be recalibrated: it predicts degrees of "
            f'freedom, expected a classifier. Train a new model.'
        )
    n_channels = {spec.name: spec.channels or 0 for spec in data.streams}
    with parallel(data.backend):
        return adapt_model(
            model,
            data,
            extract=recipe.extract,
            settle_ms=data.settle_ms,
            fit=lambda features, classes: recipe.make_estimator(n_channels).fit(features, classes),
            build=_class_decoder,
        )


def _class_decoder(
    estimator: Any, names: Mapping[int, str], scores: Mapping[str, float]
) -> ClassDecoder:
    return ClassDecoder(_on_one_core(estimator), names, scores)


def _train_regressor(recipe: Recipe, data: TrainingData) -> ProportionalDecoder:
    targets = load_targets(data, recipe.extract)
    x, y = targets.features, targets.targets
    print(
        f'{len(x)} windows of {data.window_ms:g} ms with a hop of {data.hop_ms:g} ms from '
        f'{len(data.paths)} session(s); targets: {", ".join(targets.dof_names)}.',
        flush=True,
    )
    blocks = np.arange(len(x)) * N_BLOCKS // len(x)
    overlap = int(np.ceil(data.window_ms / data.hop_ms))  # windows that share samples
    errors, spread = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    for block in range(N_BLOCKS):
        test = np.flatnonzero(blocks == block)
        train = np.ones(len(x), np.bool_)
        train[max(0, test[0] - overlap) : test[-1] + 1 + overlap] = False
        if train.sum() < 2:
            continue
        estimator = recipe.make_estimator(targets.n_channels).fit(x[train], y[train])
        found = estimator.predict(x[test]).reshape(len(test), -1) * estimator.scale_
        errors += np.square(found - y[test]).sum(axis=0)
        spread += np.square(y[test] - y.mean(axis=0)).sum(axis=0)
        report_progress((block + 1) / (N_BLOCKS + 1))
    moved = spread > 0
    r2 = float(np.mean(1.0 - errors[moved] / spread[moved])) if moved.any() else float('nan')
    print(f'Cross-validation, one fifth of the time left out at a time: R² {r2:.3f}.', flush=True)
    estimator = recipe.make_estimator(targets.n_channels).fit(x, y)
    process = estimator.regressor_[-1]
    if isinstance(process, BoundedGaussianProcess) and process.bounds_note():
        print(process.bounds_note())
    print('Trained on all windows.', flush=True)
    model = ProportionalDecoder(_on_one_core(estimator), targets.dof_names, {'r2': r2})
    model.parameters['recipe'] = recipe.name
    return model


def _on_one_core(estimator: Any) -> Any:
    """Set ``n_jobs`` of an estimator to 1: for one window, starting other threads takes longer."""
    for key, value in estimator.get_params().items():
        if key.endswith('n_jobs') and value not in (None, 1):
            estimator.set_params(**{key: 1})
    return estimator
