"""Save and load the models of a pipeline."""

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
        The pipeline whose model is saved or replaced.
    store : ModelStore
        The folder of the models.
    decoder : str
        Name of the decoder, as in the parameter ``decoder``.
    """

    def __init__(self, pipeline: Pipeline, store: ModelStore, decoder: str) -> None:
        self.pipeline = pipeline
        self.store = store
        self.decoder = decoder
        self._manifest_in_use: Manifest | None = None

    def save_trained(self, model: Any, data: TrainingData) -> tuple[str, str]:
        """Save the result of a training under a new name.

        Parameters
        ----------
        model : object
            The trained model.
        data : TrainingData
            The data that it was trained on.

        Returns
        -------
        name : str
            Name of the model.
        message : str
            Sentence for the status: the name, and the accuracy if known.

        Raises
        ------
        ModelError
            When the model cannot be saved.
        """
        self._manifest_in_use = self._make_manifest(model, data)
        name = self.store.free_name(
            Path(self.decoder).stem
            if '/' in self.decoder
            else self.decoder.removesuffix('.py').split('.')[-1]
        )
        self.store.save(name, model, self._manifest_in_use, self.pipeline.save_model)
        score = self._manifest_in_use.scores.get('accuracy')
        accuracy = '' if score is None else f' Accuracy on held-out repetitions: {score:.1%}.'
        key = self.store.key
        unsigned = (
            f' It is not signed, because {key.file} is a public key; sign it with "myogestic models '
            f'sign {name}".'
            if key is not None and not key.can_sign
            else ''
        )
        return name, f"Saved as '{name}'.{accuracy}{unsigned}"

    def save_as(self, name: str) -> str:
        """Save the model in use under another name.

        Parameters
        ----------
        name : str
            The name; empty: the date and time.

        Returns
        -------
        str
            The name.

        Raises
        ------
        ModelError
            When no model is in use, or it cannot be saved under that name.
        """
        if self.pipeline.model is None or self._manifest_in_use is None:
            raise ModelError('There is no model to save; train or load one first.')
        name = name or self.store.free_name('model')
        self.store.save(name, self.pipeline.model, self._manifest_in_use, self.pipeline.save_model)
        self.pipeline.loaded.model_id = name
        return name

    def load(self, name: str) -> str:
        """Load a model and predict with it from now on.

        Parameters
        ----------
        name : str
            Name of the model; empty: the newest.

        Returns
        -------
        str
            The name.

        Raises
        ------
        ModelError
            When the model cannot be loaded, or does not fit the streams.
        StateError
            When the pipeline is not idle.
        """
        name = name or self.store.newest()
        requested = self.pipeline.reader.requested_filters
        live = [replace(spec, filters=requested[spec.name]) for spec in self.pipeline.streams]
        model, manifest = self.store.load(name, live, self.pipeline.load_model)
        warm_up(model)
        filters = {spec.name: spec.filters for spec in manifest.streams}
        self.pipeline.use_model(model, name, manifest.class_names, filters)
        self._manifest_in_use = manifest
        return name

    def incompatibility(self) -> str | None:
        """Return why the model in use does not fit the streams as they are now, or None."""
        if self._manifest_in_use is None:
            return None
        reason = incompatibility(self._manifest_in_use.streams, self.pipeline.streams)
        return (
            None
            if reason is None
            else f"Model '{self.pipeline.model_id}' does not match the streams: {reason}"
        )

    def _make_manifest(self, model: Any, data: TrainingData) -> Manifest:
        scores = getattr(model, 'scores', {})
        parameters = getattr(model, 'parameters', {})
        parameters = dict(parameters) if isinstance(parameters, dict) else {}
        earlier_sessions: list[str] = []
        if self.pipeline.training.is_adapting and self._manifest_in_use is not None:
            parameters['adapted_from'] = self.pipeline.model_id
            earlier_sessions = self._manifest_in_use.sessions
        return Manifest(
            decoder=self.decoder,
            streams=data.streams,
            predict_hz=self.pipeline.predict_hz,
            hop_ms=data.hop_ms,
            class_names=list(data.class_names),
            sessions=[*earlier_sessions, *(Path(path).name for path in data.paths)],
            scores=dict(scores) if isinstance(scores, dict) else {},
            parameters=parameters,
        )
