"""Models are warmed up before the first tick; callbacks are not called."""

from __future__ import annotations

import pytest
from support.gate import Watcher, ready

from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.nodes.pipeline.model_manager import ModelManager

CALLS: list[str] = []


class Model:
    """Model that records its warm-up, and may then fail."""

    def __init__(self, fails=False):
        self.fails = fails

    def warm_up(self):
        CALLS.append('warm')
        if self.fails:
            raise RuntimeError('no')


@pytest.fixture(autouse=True)
def calls():
    CALLS.clear()
    return CALLS


@pytest.mark.parametrize('fails', [False, True])
def test_trained_model_is_warmed_up(calls, fails):
    pipeline = ready(lambda model, features: CALLS.append('predict') or {})
    pipeline.observer = Watcher()
    pipeline.train(lambda data: Model(fails))  # runs in a thread, since no process can import it
    pipeline.training_data = TrainingData(['s'])
    pipeline.start_training()
    assert pipeline.wait_for_training(60)
    assert isinstance(pipeline.model, Model), pipeline.status_message
    assert calls == ['warm']


def test_loaded_model_is_warmed_up(calls, tmp_path):
    pipeline = Pipeline(streams=[StreamSpec('emg')])
    pipeline.load_model = lambda path: Model()
    shelf = ModelManager(pipeline, ModelStore(tmp_path), 'decoder')
    shelf.store.save(
        'm', 'in place of one', Manifest('decoder', [StreamSpec('emg')], 50.0, 50.0, ['rest'])
    )
    shelf.load('m')
    assert calls == ['warm']
