"""Which models there are, and which is in use: what the pipeline node's model services do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models.compatibility import incompatibility
from myogestic_ros.core.models.model_store import Manifest, ModelStore
from myogestic_ros.core.models.warm_up import warm_up
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.training_data import TrainingData

__all__ = ['ModelManager']


class ModelManager:
    """Save and load the models of one pipeline.

    Parameters
    ----------
    pipeline : Pipeline
        Whose models they are.
    store : ModelStore
        Where they lie.
    decoder : str
        The decoder's name, as the node was given it.
    """

    def __init__(self, pipeline: Pipeline, store: ModelStore, decoder: str) -> None:
        self.pipeline = pipeline
        self.store = store
        self.decoder = decoder
        self._in_use: Manifest | None = None

    def save_trained(self, model: Any, data: TrainingData) -> tuple[str, str]:
        """Save a model that was just trained; return its name and a sentence."""
        self._in_use = self._manifest(model, data)
        name = self.store.free_name(
            Path(self.decoder).stem
            if '/' in self.decoder
            else self.decoder.removesuffix('.py').split('.')[-1]
        )
        self.store.save(name, model, self._in_use, self.pipeline.save_model)
        score = self._in_use.scores.get('accuracy')
        told = '' if score is None else f' Accuracy on repetitions left out: {score:.1%}.'
        return name, f"Saved as '{name}'.{told}"

    def save_as(self, name: str) -> str:
        """Save the model in use again under ``name``; return the name."""
        if self.pipeline.model is None or self._in_use is None:
            raise ModelError('There is no model to save; train one first or load one.')
        name = name or self.store.free_name('model')
        self.store.save(name, self.pipeline.model, self._in_use, self.pipeline.save_model)
        self.pipeline.loaded.model_id = name
        return name

    def load(self, name: str) -> str:
        """Load a model and use it; return its name.

        Raises
        ------
        ModelError, StateError
            When it is refused.
        """
        name = name or self.store.newest()
        wanted = self.pipeline.reader.requested_filters
        live = [replace(spec, filters=wanted[spec.name]) for spec in self.pipeline.streams]
        model, manifest = self.store.load(name, live, self.pipeline.load_model)
        warm_up(model)
        filters = {spec.name: spec.filters for spec in manifest.streams}
        self.pipeline.use_model(model, name, manifest.class_names, filters)
        self._in_use = manifest
        return name

    def misfit(self) -> str | None:
        """Return why the model in use cannot work on the streams as they are now, or None."""
        if self._in_use is None:
            return None
        reason = incompatibility(self._in_use.streams, self.pipeline.streams)
        return (
            None
            if reason is None
            else f"Model '{self.pipeline.model_id}' does not match the streams: {reason}"
        )

    def _manifest(self, model: Any, data: TrainingData) -> Manifest:
        scores = getattr(model, 'scores', {})
        parameters = getattr(model, 'parameters', {})
        parameters = dict(parameters) if isinstance(parameters, dict) else {}
        before: list[str] = []
        if self.pipeline.training.is_adapting and self._in_use is not None:
            parameters['adapted_from'] = self.pipeline.model_id
            before = self._in_use.sessions
        return Manifest(
            decoder=self.decoder,
            streams=data.streams,
            predict_hz=self.pipeline.predict_hz,
            hop_ms=data.hop_ms,
            class_names=list(data.class_names),
            sessions=[*before, *(Path(path).name for path in data.paths)],
            scores=dict(scores) if isinstance(scores, dict) else {},
            parameters=parameters,
        )
