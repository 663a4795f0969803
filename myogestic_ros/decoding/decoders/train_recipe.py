"""From recorded sessions to a model, by a recipe: what ``train`` of every ready decoder does."""

from __future__ import annotations

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
"""A recording with targets is cut into so many stretches, each left out in turn."""

Features = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]


def train_recipe(recipe: Recipe, data: TrainingData) -> Any:
    """Train by a recipe; print what it trains on and how good the result is.

    Returns
    -------
    ClassDecoder or ProportionalDecoder

    Raises
    ------
    TrainingError
        When there is nothing to train on.
    """
    with parallel(data.backend):
        if recipe.kind == 'regression':
            return _train_regressor(recipe, data)
        return _train_classifier(recipe, data)


def _train_classifier(recipe: Recipe, data: TrainingData) -> ClassDecoder:
    model = train_classifier(
        data,
        extract=recipe.extract,
        steps=recipe.steps,
        build=lambda steps, names, scores: ClassDecoder(_alone(steps), names, scores),
    )
    model.parameters = {'recipe': recipe.name}
    return model


def adapt_recipe(recipe: Recipe, model: Any, data: TrainingData) -> Any:
    """Bring a classifier up to date with sessions of today; print how good it is then.

    Raises
    ------
    TrainingError
        When the model is none that can be adapted, or is the better one as it is.
    """
    if recipe.kind == 'regression':
        raise TrainingError(
            f"A model of '{recipe.name}' cannot be adapted: it gives degrees of freedom. Train a "
            f'new one.'
        )
    n_channels = {spec.name: spec.channels or 0 for spec in data.streams}
    with parallel(data.backend):
        return adapt_model(
            model,
            data,
            extract=recipe.extract,
            settle_ms=data.settle_ms,
            fit=lambda features, classes: recipe.steps(n_channels).fit(features, classes),
            build=lambda steps, names, scores: ClassDecoder(_alone(steps), names, scores),
        )


def _train_regressor(recipe: Recipe, data: TrainingData) -> ProportionalDecoder:
    targets = load_targets(data, recipe.extract)
    x, y = targets.features, targets.targets
    print(
        f'{len(x)} windows of {data.window_ms:g} ms, one every {data.hop_ms:g} ms, from '
        f'{len(data.paths)} session(s), with {", ".join(targets.dof_names)}.',
        flush=True,
    )
    blocks = np.arange(len(x)) * N_BLOCKS // len(x)
    apart = int(np.ceil(data.window_ms / data.hop_ms))  # windows that share samples
    errors, spread = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    for block in range(N_BLOCKS):
        test = np.flatnonzero(blocks == block)
        train = np.ones(len(x), np.bool_)
        train[max(0, test[0] - apart) : test[-1] + 1 + apart] = False
        if train.sum() < 2:
            continue
        steps = recipe.steps(targets.n_channels).fit(x[train], y[train])
        found = steps.predict(x[test]).reshape(len(test), -1) * steps.scale_
        errors += np.square(found - y[test]).sum(axis=0)
        spread += np.square(y[test] - y.mean(axis=0)).sum(axis=0)
        report_progress((block + 1) / (N_BLOCKS + 1))
    moved = spread > 0
    r2 = float(np.mean(1.0 - errors[moved] / spread[moved])) if moved.any() else float('nan')
    print(f'Leaving out a fifth of the time at a time: R² {r2:.3f}.', flush=True)
    steps = recipe.steps(targets.n_channels).fit(x, y)
    process = steps.regressor_[-1]
    if isinstance(process, BoundedGaussianProcess) and process.told():
        print(process.told())
    print('Trained on all of them.', flush=True)
    model = ProportionalDecoder(_alone(steps), targets.dof_names, {'r2': r2})
    model.parameters['recipe'] = recipe.name
    return model


def _alone(steps: Any) -> Any:
    """Let an estimator predict on one core: for one window, waking others takes longer."""
    for key, value in steps.get_params().items():
        if key.endswith('n_jobs') and value not in (None, 1):
            steps.set_params(**{key: 1})
    return steps
