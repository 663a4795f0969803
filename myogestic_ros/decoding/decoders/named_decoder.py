"""Built-in decoders by name: a pipeline with the callbacks of a recipe.

A training runs in a process of its own, which imports the ``train`` callback by module and name.
Each callback is therefore an attribute of this module, such as ``covariance.train``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.decoders.estimator_path import is_estimator_path
from myogestic_ros.decoding.decoders.recipes import recipe, recipe_names
from myogestic_ros.decoding.decoders.train_recipe import adapt_recipe, train_recipe

__all__ = ['is_named_decoder', 'named_decoder']


def is_named_decoder(name: str) -> bool:
    """Return True for the name of a built-in decoder or the import path of an estimator."""
    return name in recipe_names() or (':' in name and is_estimator_path(name))


@lru_cache(maxsize=64)
def named_decoder(name: str) -> Pipeline:
    """Return the pipeline of a built-in decoder.

    Parameters
    ----------
    name : str
        As `myogestic_ros.decoding.decoders.recipes.recipe` takes it.

    Raises
    ------
    DecoderError
        If there is no such built-in decoder or estimator.
    """
    found = recipe(name)
    pipeline = Pipeline(predict_hz=50.0)

    def train(data: TrainingData) -> Any:
        """Train on the windows of the sessions; print window counts and scores."""
        return train_recipe(found, data)

    def adapt(model: Any, data: TrainingData) -> Any:
        """Recalibrate a model with new sessions; print the scores."""
        return adapt_recipe(found, model, data)

    def predict(model: Any, features: Any) -> dict[str, Any]:
        """Return the prediction of a model for the features of one window."""
        result: dict[str, Any] = model.predict(features)
        return result

    pipeline.extract(found.extract)
    pipeline.train(_named(train, name))
    pipeline.adapt(_named(adapt, name))
    pipeline.predict(_named(predict, name))
    return pipeline


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    function.__qualname__ = f'{name}.{function.__name__}'
    return function


def __getattr__(attribute: str) -> Any:
    """Return a callback by its qualified name, for the import in the training process."""
    name, _, callback = attribute.rpartition('.')
    if name and callback in ('train', 'adapt', 'predict'):
        try:
            return getattr(named_decoder(name).callbacks, callback)
        except DecoderError as error:
            raise AttributeError(str(error)) from error
    raise AttributeError(f'module {__name__!r} has no attribute {attribute!r}')
