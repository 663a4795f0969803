"""The services of the pipeline node: each answers soon, and a refusal is an answer."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import datetime
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
from std_srvs.srv import Trigger

from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.msg import ModelInfo
from myogestic_ros.nodes.pipeline.model_manager import ModelManager
from myogestic_ros.sessions.reading.library import resolve_sessions
from myogestic_ros.srv import Adapt, ListModels, LoadModel, SaveModel, Train

__all__ = ['PipelineServices']

ANSWER_WITHIN_S = 0.08
"""A service that is not done by then answers, and the rest is told on ``~/status``."""


class PipelineServices:
    """Offer the services of a pipeline node.

    Parameters
    ----------
    node : PipelineNode
        Whose ``pipeline`` and ``shelf`` they work on.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._aside = ThreadPoolExecutor(1, thread_name_prefix='models')
        for name, kind, callback in (
            ('train', Train, self._train),
            ('adapt', Adapt, self._adapt),
            ('cancel_training', Trigger, self._cancel_training),
            ('start_predicting', Trigger, self._start_predicting),
            ('stop_predicting', Trigger, self._stop_predicting),
            ('save_model', SaveModel, self._save_model),
            ('load_model', LoadModel, self._load_model),
            ('list_models', ListModels, self._list_models),
        ):
            self._node.create_service(kind, f'~/{name}', callback)

    def aside(self, work: Any) -> None:
        """Do work in the thread in which models are saved and loaded."""
        self._aside.submit(work)

    def _answer(self, response: Any, action: Any) -> Any:
        """Fill in success and message: a refusal is an answer, not a failure of the node."""
        try:
            response.success, response.message = True, action() or ''
        except MyoGesticError as error:
            response.success, response.message = False, str(error)
        return response

    def _ready_shelf(self, verb: str) -> ModelManager:
        if self._node.shelf is None:
            raise MyoGesticError(f"Cannot {verb}: the node is 'unconfigured', configure it first.")
        return self._node.shelf

    def _train(self, request: Train.Request, response: Train.Response) -> Train.Response:
        def train() -> str:
            self._ready_shelf('train')
            turned = [f'stream.{name}.rotation' for name in self._node.rotations.places]
            if turned:
                raise MyoGesticError(
                    f'Cannot train: {", ".join(turned)} is not 0. A rotation is for an old model '
                    f'on a band that sits turned; set it to 0 for a new one, or adapt.'
                )
            self._prepare(request, newest_only=False)
            self._node.pipeline.start_training()
            return f'Training on {len(self._node.pipeline.training_data.paths)} session(s).'

        return self._answer(response, train)

    def _adapt(self, request: Adapt.Request, response: Adapt.Response) -> Adapt.Response:
        def adapt() -> str:
            self._ready_shelf('adapt')
            self._prepare(request, newest_only=True)
            self._node.pipeline.start_adapting()
            paths = self._node.pipeline.training_data.paths
            return f'Adapting to {", ".join(Path(path).name for path in paths)}.'

        return self._answer(response, adapt)

    def _prepare(self, request: Any, *, newest_only: bool) -> None:
        """Say what is trained on, unless a training that runs already is about to refuse."""
        if self._node.pipeline.state is not PipelineState.IDLE:
            return
        folder = Path(self._node.get_parameter('session_dir').value).expanduser()
        paths = resolve_sessions(list(request.sessions), folder)
        if newest_only and not request.sessions:
            paths = paths[-1:]
        self._node.pipeline.training_data = TrainingData(
            paths=[str(path) for path in paths],
            class_names=list(request.classes),
            streams=[
                StreamSpec(spec.name, spec.window_ms, sampling_rate=spec.sampling_rate)
                for spec in self._node.pipeline.streams
            ],
            hop_ms=self._node.get_parameter('training_hop_ms').value,
            settle_ms=self._node.get_parameter('settle_ms').value,
            backend=self._node.get_parameter('training_backend').value,
            rotation=self._node.rotations.places,
        )

    def _cancel_training(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        def cancel() -> str:
            self._node.pipeline.cancel_training()
            return self._node.pipeline.status_message

        return self._answer(response, cancel)

    def _start_predicting(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        if self._node.pipeline.state is PipelineState.PREDICTING:
            return self._answer(response, self._node.pipeline.start_predicting)  # its refusal
        response.success, response.message = self._node.request_transition(
            'activate', 'start predicting'
        )
        return response

    def _stop_predicting(self, _: Any, response: Trigger.Response) -> Trigger.Response:
        if self._node.pipeline.state is not PipelineState.PREDICTING:
            return self._answer(response, self._node.pipeline.stop_predicting)  # its refusal
        response.success, response.message = self._node.request_transition(
            'deactivate', 'stop predicting'
        )
        return response

    def _save_model(self, request: Any, response: SaveModel.Response) -> SaveModel.Response:
        def save() -> str:
            shelf = self._ready_shelf('save the model')
            response.name = self._soon(lambda: shelf.save_as(request.name)) or request.name
            return f"Saved as '{response.name}'." if response.name else 'Saving; see ~/status.'

        return self._answer(response, save)

    def _load_model(self, request: Any, response: LoadModel.Response) -> LoadModel.Response:
        def load() -> str:
            shelf = self._ready_shelf('load a model')

            def work() -> str:
                try:
                    name = shelf.load(request.name)
                except MyoGesticError as error:
                    self._node.pipeline.set_status(str(error))
                    raise
                self._node.pipeline.set_status(f"Model '{name}' is loaded.")
                return name

            name = self._soon(work)
            return f"Model '{name}' is loaded." if name else 'Loading; see ~/status.'

        return self._answer(response, load)

    def _soon(self, work: Any) -> Any:
        """Do work in a thread; return its result, or None when that takes too long to answer."""
        future: Future[Any] = self._aside.submit(work)
        try:
            return future.result(ANSWER_WITHIN_S)
        except FutureTimeoutError:
            return None

    def _list_models(self, _: Any, response: ListModels.Response) -> ListModels.Response:
        def models() -> str:
            store = self._ready_shelf('list models').store
            for name in store.names():
                try:
                    manifest = store.manifest(name)
                except MyoGesticError as error:
                    self._node.get_logger().warning(str(error))
                    continue
                created = datetime.fromisoformat(manifest.created).timestamp()
                response.models.append(
                    ModelInfo(
                        name=name,
                        created=Time(sec=int(created)),
                        decoder=manifest.decoder,
                        class_names=manifest.class_names,
                        accuracy=float(manifest.scores.get('accuracy', float('nan'))),
                    )
                )
            response.current = self._node.pipeline.model_id
            return f'{len(response.models)} model(s) in {store.folder}.'

        return self._answer(response, models)
