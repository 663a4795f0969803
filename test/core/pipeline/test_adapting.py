"""Tests of `Pipeline.start_adapting`."""

from __future__ import annotations

import pytest
from support.adapters import adapt
from support.decoders import Mean

from myogestic_ros import Pipeline, TrainingData
from myogestic_ros.core.errors import StateError
from myogestic_ros.core.pipeline.states import PipelineState


def pipeline_with(*paths: str, callback=adapt) -> Pipeline:
    pipeline = Pipeline()
    if callback is not None:
        pipeline.adapt(callback)
    pipeline.use_model(Mean(4), 'old', ['rest'])
    pipeline.training_data = TrainingData(paths=list(paths), class_names=['rest'])
    return pipeline


def test_adapt_gets_the_model_in_use_and_replaces_it() -> None:
    pipeline = pipeline_with('a', 'b')
    pipeline.start_adapting()
    assert pipeline.state is PipelineState.TRAINING
    assert pipeline.status_message == 'Adapting.'
    assert pipeline.wait_for_training(60)
    assert pipeline.status_message == 'Adapting is done.'
    assert pipeline.model.n_channels == 6
    assert pipeline.class_names == ('rest', 'new')
    assert pipeline.training.pid is not None


def test_adapt_callback_defined_in_a_function_runs_in_a_thread() -> None:
    pipeline = pipeline_with('a', callback=lambda model, data: Mean(model.n_channels * 2))
    pipeline.start_adapting()
    assert pipeline.wait_for_training(60)
    assert pipeline.model.n_channels == 8


def test_adapt_that_returns_none_keeps_the_model() -> None:
    pipeline = pipeline_with('nothing')
    pipeline.start_adapting()
    assert pipeline.wait_for_training(60)
    assert 'Adapting failed: adapt returned None' in pipeline.status_message
    assert pipeline.model.n_channels == 4
    assert pipeline.model_id == 'old'


def test_start_adapting_refuses_with_the_reason() -> None:
    with pytest.raises(StateError, match='No adapt callback set'):
        pipeline_with('a', callback=None).start_adapting()
    bare = pipeline_with('a')
    bare.model = None
    with pytest.raises(StateError, match='No model loaded'):
        bare.start_adapting()
    with pytest.raises(StateError, match='No training data'):
        pipeline_with().start_adapting()
    busy = pipeline_with('a')
    busy.start_adapting()
    with pytest.raises(StateError, match="state is 'training', expected 'idle'"):
        busy.start_adapting()
    busy.cancel_training()
    assert busy.status_message == 'Adapting was cancelled; the previous model stays in use.'
