"""Real-time EMG decoding and prosthesis control for ROS 2."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from myogestic_ros.core.models.serialization import load_pickle, save_pickle
    from myogestic_ros.core.pipeline.states import PipelineState
    from myogestic_ros.core.streams.filter_spec import FilterSpec
    from myogestic_ros.core.streams.stream_spec import StreamSpec
    from myogestic_ros.core.training.jobs import report_progress
    from myogestic_ros.core.training.training_data import TrainingData
    from myogestic_ros.decoding.postprocessing.edge_trigger import EdgeTrigger
    from myogestic_ros.decoding.postprocessing.vector_filters import (
        GaussianFilter,
        IdentityFilter,
        OneEuroFilter,
        make_filter,
    )
    from myogestic_ros.experiment import Pipeline
    from myogestic_ros.sessions.reading.multi_windows import iter_multi_windows
    from myogestic_ros.sessions.reading.windows import (
        iter_aligned_windows,
        iter_labeled_windows,
        iter_windows,
    )

__version__ = '0.1.0'

__all__ = [
    'EdgeTrigger',
    'FilterSpec',
    'GaussianFilter',
    'IdentityFilter',
    'OneEuroFilter',
    'Pipeline',
    'PipelineState',
    'StreamSpec',
    'TrainingData',
    'iter_aligned_windows',
    'iter_labeled_windows',
    'iter_multi_windows',
    'iter_windows',
    'load_pickle',
    'make_filter',
    'report_progress',
    'save_pickle',
]

# The generated modules (myogestic_ros.msg, myogestic_ros.srv) are installed; the other modules may
# be imported from the source tree: join the two folders.
__path__ = pkgutil.extend_path(__path__, __name__)

# The ROS wheels install their ament index at the root of the environment without setting
# AMENT_PREFIX_PATH, so that ament_index_python finds no packages. A sourced ROS sets it.
if not os.environ.get('AMENT_PREFIX_PATH') and Path(sys.prefix, 'share', 'ament_index').is_dir():
    os.environ['AMENT_PREFIX_PATH'] = sys.prefix

_MODULES = {
    'EdgeTrigger': 'decoding.postprocessing.edge_trigger',
    'FilterSpec': 'core.streams.filter_spec',
    'GaussianFilter': 'decoding.postprocessing.vector_filters',
    'IdentityFilter': 'decoding.postprocessing.vector_filters',
    'OneEuroFilter': 'decoding.postprocessing.vector_filters',
    'Pipeline': 'experiment',
    'PipelineState': 'core.pipeline.states',
    'StreamSpec': 'core.streams.stream_spec',
    'TrainingData': 'core.training.training_data',
    'iter_aligned_windows': 'sessions.reading.windows',
    'iter_labeled_windows': 'sessions.reading.windows',
    'iter_multi_windows': 'sessions.reading.multi_windows',
    'iter_windows': 'sessions.reading.windows',
    'load_pickle': 'core.models.serialization',
    'make_filter': 'decoding.postprocessing.vector_filters',
    'report_progress': 'core.training.jobs',
    'save_pickle': 'core.models.serialization',
}


def __getattr__(name: str) -> Any:
    """Import a public name on first access, so that importing a message does not import SciPy."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(importlib.import_module(f'{__name__}.{_MODULES[name]}'), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
