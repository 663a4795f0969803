"""Recipes of built-in decoders by name, and of estimators by import path."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.decoding.decoders.recipes import DEFAULT, recipe, recipe_names


def test_default_is_listed_first() -> None:
    assert recipe_names()[0] == DEFAULT
    assert recipe().name == DEFAULT
    assert len(set(recipe_names())) == len(recipe_names())


@pytest.mark.parametrize('name', recipe_names())
def test_recipe_has_its_name(name: str) -> None:
    found = recipe(name)
    assert found.name == name
    assert found.description
    assert found.kind in ('classification', 'regression')


def test_unknown_name_lists_the_built_in_decoders() -> None:
    with pytest.raises(DecoderError, match=f"no built-in decoder 'ldda'; expected {DEFAULT}"):
        recipe('ldda')


@pytest.mark.parametrize(
    ('path', 'kind'),
    [
        ('sklearn.neighbors:KNeighborsClassifier', 'classification'),
        ('sklearn.neighbors.KNeighborsClassifier', 'classification'),
        ('sklearn.tree:DecisionTreeClassifier(max_depth=3, random_state=0)', 'classification'),
        ('sklearn.linear_model:Ridge(alpha=0.5)', 'regression'),
    ],
)
def test_estimator_is_created_by_import_path(path: str, kind: str) -> None:
    found = recipe(path)
    assert found.kind == kind
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(40, 2, 30)) * np.repeat([1.0, 4.0], 20)[:, None, None]
    steps = found.make_estimator({'emg': 2})
    features = found.extract({'emg': windows})
    steps.fit(features, np.repeat([0, 5], 20))
    largest = (
        5 if kind == 'classification' else 1
    )  # regressors return values relative to the largest
    assert np.abs(steps.predict(features) - np.repeat([0, largest], 20)).mean() < 0.2


@pytest.mark.parametrize(
    ('path', 'message'),
    [
        ('sklearn.svm:SVX', "no scikit-learn estimator called 'SVX'"),
        ('no.such:Thing', 'cannot be imported'),
        ('os.path:join', "no scikit-learn estimator called 'join'"),
        ('sklearn.svm:SVC(Z=1)', 'cannot be created'),
        ('sklearn.svm:SVC(C=open("x"))', 'expected keyword arguments with literal values'),
        ('sklearn.svm:SVC(1)', 'expected keyword arguments with literal values'),
        ('sklearn.svm:SVC(C=1', 'expected keyword arguments with literal values'),
        ('sklearn.preprocessing:StandardScaler', 'is not a classifier or regressor'),
        (':', 'cannot be imported'),
    ],
)
def test_invalid_import_path_is_refused(path: str, message: str) -> None:
    with pytest.raises(DecoderError, match=message):
        recipe(path)
