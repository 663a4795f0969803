"""Models of built-in decoders, trained on sessions as users train them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from myogestic_ros.core.models.model_store import ModelStore
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.decoders.named_decoder import named_decoder
from myogestic_ros.nodes.pipeline.model_manager import ModelManager
from myogestic_ros.sessions.reading.training_data import complete_training_data


def data_of(*paths: Path, **more: Any) -> TrainingData:
    return complete_training_data(TrainingData(paths=[str(path) for path in paths], **more))


def kept(name: str, data: TrainingData, folder: Path) -> Any:
    """Train; return the model as another process would load it."""
    pipeline = named_decoder(name)
    store = ModelStore(folder)
    saved, _ = ModelManager(pipeline, store, name).save_trained(
        pipeline.callbacks.train(data), data
    )
    model, manifest = store.load(saved, data.streams)
    assert manifest.decoder == name
    return model
