"""The ready decoders by name, and any scikit-learn estimator by import path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline as Steps
from sklearn.preprocessing import StandardScaler

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.decoding.estimator_path import estimator_at, is_estimator_path
from myogestic_ros.decoding.htd_lda import amplitude_columns, extract
from myogestic_ros.decoding.linear_decoder import LogAmplitude, lda_steps
from myogestic_ros.decoding.recipe import Recipe

__all__ = ['DEFAULT', 'recipe', 'recipe_names']

DEFAULT = 'htd_lda'
"""Name of the recipe that is used when none is named."""


def recipe_names() -> list[str]:
    """Return the names of the ready decoders, the default one first."""
    return [DEFAULT, *sorted(name for name in _RECIPES if name != DEFAULT)]


def recipe(name: str = DEFAULT) -> Recipe:
    """Return a ready decoder's recipe.

    Parameters
    ----------
    name : str
        One of `recipe_names`, or the import path of a scikit-learn estimator, which is then
        trained on Hudgins' features: ``sklearn.svm:SVC`` or ``sklearn.svm:SVC(C=10.0)``.

    Raises
    ------
    DecoderError
        When there is no such recipe or estimator.
    """
    if name in _RECIPES:
        return _RECIPES[name]()
    if is_estimator_path(name):
        return _of_estimator(name)
    raise DecoderError(
        f"There is no ready decoder '{name}'; there are {', '.join(recipe_names())}, and any "
        f'scikit-learn estimator by its import path, such as sklearn.svm:SVC.'
    )


def _htd_lda() -> Recipe:
    return Recipe(
        name='htd_lda',
        description="Hudgins' time-domain features, linear discriminant with shrinkage",
        kind='classification',
        extract=extract,
        steps=lambda n_channels: lda_steps(amplitude_columns(n_channels)),
    )


def _of_estimator(path: str) -> Recipe:
    kind = 'classification' if is_classifier(estimator_at(path)) else 'regression'

    def steps(n_channels: Mapping[str, int]) -> Any:
        return Steps(
            [
                ('log', LogAmplitude(amplitude_columns(n_channels))),
                ('scale', StandardScaler()),
                ('estimator', estimator_at(path)),
            ]
        )

    return Recipe(
        name=path,
        description=f"Hudgins' time-domain features, {path}",
        kind='classification' if kind == 'classification' else 'regression',
        extract=extract,
        steps=steps,
    )


_RECIPES: dict[str, Callable[[], Recipe]] = {'htd_lda': _htd_lda}
