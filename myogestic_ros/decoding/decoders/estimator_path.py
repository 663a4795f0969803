"""Import of scikit-learn estimators by path: ``sklearn.svm:SVC(C=10.0)``."""

from __future__ import annotations

import ast
import importlib
from typing import Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor

from myogestic_ros.core.errors import DecoderError

__all__ = ['estimator_at', 'is_estimator_path']


def is_estimator_path(text: str) -> bool:
    """Return True if a text is an import path, not the name of a decoder or a ``.py`` file."""
    head = text.partition('(')[0]
    return ':' in head or ('.' in head and not head.endswith('.py') and '/' not in head)


def estimator_at(path: str) -> Any:
    """Import a scikit-learn class and return a new estimator.

    Parameters
    ----------
    path : str
        ``package.module:Class`` or ``package.module.Class``, optionally with arguments:
        ``sklearn.neighbors:KNeighborsClassifier(n_neighbors=3)``. Arguments are keyword arguments
        with literal values (numbers, strings, lists); no expression is evaluated.

    Raises
    ------
    DecoderError
        If there is no such class, or it is not a scikit-learn classifier or regressor.
    """
    head, bracket, rest = path.strip().partition('(')
    kind = _class_at(head.strip())
    try:
        estimator = kind(**_arguments(bracket + rest))
    except (TypeError, ValueError) as error:
        raise DecoderError(f"Estimator '{path}' cannot be created: {error}.") from error
    if not (is_classifier(estimator) or is_regressor(estimator)):
        raise DecoderError(
            f"'{path}' is not a classifier or regressor; expected a scikit-learn estimator "
            f'with fit and predict, such as sklearn.svm:SVC.'
        )
    return estimator


def _class_at(head: str) -> Any:
    module_name, _, name = head.partition(':') if ':' in head else head.rpartition('.')
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError, TypeError) as error:
        raise DecoderError(
            f"Estimator '{head}' cannot be imported: {error}; expected package.module:Class, such "
            f'as sklearn.svm:SVC.'
        ) from error
    kind = getattr(module, name, None)
    if not (isinstance(kind, type) and issubclass(kind, BaseEstimator)):
        raise DecoderError(
            f"Module '{module_name}' has no scikit-learn estimator called '{name}'; expected "
            f'package.module:Class, such as sklearn.svm:SVC.'
        )
    return kind


def _arguments(text: str) -> dict[str, Any]:
    """Return the keyword arguments in a text ``(name=value, …)``; empty for an empty text."""
    if not text:
        return {}
    try:
        call = ast.parse(f'f{text}', mode='eval').body
        if not isinstance(call, ast.Call) or call.args or call.func.__class__ is not ast.Name:
            raise ValueError('only keyword arguments are allowed')
        return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"the arguments '{text}' cannot be read ({error}); expected keyword arguments with "
            f'literal values, such as '
            f'(C=10.0, kernel="rbf")'
        ) from error
