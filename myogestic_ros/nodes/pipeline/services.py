"""The services of the pipeline node: training, predicting, models."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from builtin_interfaces.msg import Time
from std_srvs.srv import Trigger

from myogestic_ros.core.errors import ModelError, MyoGesticError, StateError
from myogestic_ros.core.models.model_store import Manifest
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.pipeline.states import PipelineState
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.msg import ModelInfo
from myogestic_ros.nodes.pipeline.channel_rotation import ChannelRotation
from myogestic_ros.nodes.pipeline.model_manager import ModelManager
from myogestic_ros.sessions.reading.library import resolve_sessions
from myogestic_ros.srv import Adapt, ListModels, LoadModel, SaveModel, Train

__all__ = ['PipelineServices', 'ServingNode']

MAX_NAMED = 5
"""Unreadable models that a list names."""
ANSWER_TIMEOUT_S = 0.08
"""A service that is not done by then answers, and its result follows on ``~/status``."""
SAVING = 'Saving; ~/status reports the end.'


class ServingNode(Protocol):
    """The members of a node that `PipelineServices` uses."""

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline; replaced when the node is configured."""

    @property
    def models(self) -> ModelManager | None:
        """The models of the pipeline; None while the node is unconfigured."""

    @property
    def rotation(self) -> ChannelRotation:
        """Rotations of the streams."""

    def create_service(self, srv_type: Any, srv_name: str, callback: Any) -> Any:
        """See `rclpy.node.Node.create_service`."""

    def get_logger(self) -> Any:
        """See `rclpy.node.Node.get_logger`."""

    def get_parameter(self, name: str) -> Any:
        """See `rclpy.node.Node.get_parameter`."""

    def report_model_error(self, message: str) -> None:
        """See `PipelineNode.report_model_error`."""

    def request_transition(self, transition: str, action: str = '') -> tuple[bool, str]:
        """See `ManagedNode.request_transition`."""


class PipelineServices:
    """Create the services of a pipeline node and answer them.

    Every request is answered; an exception becomes ``success=False`` and a message.

    Parameters
    ----------
    node : ServingNode
        The node.
    """

    def __init__(self, node: ServingNode) -> None:
        self._node = node
        self._background = ThreadPoolExecutor(1, thread_name_prefix='models')
        for name, kind, action in (
            ('train', Train, self._train),
            ('adapt', Adapt, self._adapt),
            ('cancel_training', Trigger, self._cancel_training),
            ('start_predicting', Trigger, self._start_predicting),
            ('stop_predicting', Trigger, self._stop_predicting),
            ('save_model', SaveModel, self._save_model),
            ('load_model', LoadModel, self._load_model),
            ('list_models', ListModels, self._list_models),
        ):
            node.create_service(kind, f'~/{name}', partial(self._answer, name, action))

    def run_in_background(self, work: Callable[[], Any]) -> None:
        """Run a function in the thread that saves and loads models."""
        self._background.submit(work)

    def _answer(
        self, name: str, action: Callable[[Any, Any], str], request: Any, response: Any
    ) -> Any:
        """Perform an action and fill in success and message."""
        try:
            response.message = action(request, response)
            response.success = True
        except MyoGesticError as error:
            response.success, response.message = False, str(error)
        except Exception as error:
            self._node.get_logger().error(f'Service {name} failed:\n{traceback.format_exc()}')
            response.success, response.message = False, f'Service {name} failed: {error!r}'
        return response

    def _require_models(self, action: str) -> ModelManager:
        if self._node.models is None:
            raise StateError(f"Cannot {action}: the node is 'unconfigured'; configure it first.")
        return self._node.models

    # -- training -----------------------------------------------------------------------------

    def _train(self, request: Train.Request, response: Train.Response) -> str:
        self._require_models('train')
        places = self._node.rotation.places
        if places:
            rotations = ', '.join(f'stream.{s}.rotation is {n}' for s, n in places.items())
            raise StateError(
                f'Cannot train: {rotations}, expected 0. A rotation makes a band that sits '
                f'rotated fit a model trained before. Set it to 0 to train a new model, or use '
                f'~/adapt.'
            )
        pipeline = self._node.pipeline
        self._set_training_data(request, newest_only=False)
        pipeline.training.start_training(pipeline.reader.filters)
        return f'Training on {len(_training_paths(pipeline))} session(s).'

    def _adapt(self, request: Adapt.Request, response: Adapt.Response) -> str:
        self._require_models('adapt')
        pipeline = self._node.pipeline
        self._set_training_data(request, newest_only=True)
        pipeline.start_adapting()
        return f'Adapting to {", ".join(Path(path).name for path in _training_paths(pipeline))}.'

    def _set_training_data(self, request: Any, *, newest_only: bool) -> None:
        """Set the data of the next training; without effect while one is running."""
        pipeline = self._node.pipeline
        if pipeline.state is not PipelineState.IDLE:
            return  # starting the training will be refused
        folder = Path(self._node.get_parameter('session_dir').value).expanduser()
        allowed = [Path(path).expanduser() for path in self._session_paths() if path]
        paths = resolve_sessions(list(request.sessions), folder, allowed)
        if newest_only and not request.sessions:
            paths = paths[-1:]
        pipeline.training_data = TrainingData(
            paths=[str(path) for path in paths],
            class_names=list(request.classes),
            streams=[
                StreamSpec(spec.name, spec.window_ms, sampling_rate=spec.sampling_rate)
                for spec in pipeline.streams
            ],
            hop_ms=self._node.get_parameter('training_hop_ms').value,
            settle_ms=self._node.get_parameter('settle_ms').value,
            backend=self._node.get_parameter('training_backend').value,
            rotation=self._node.rotation.places,
        )

    def _session_paths(self) -> list[str]:
        return list(self._node.get_parameter('session_paths').value)

    def _cancel_training(self, request: Trigger.Request, response: Trigger.Response) -> str:
        self._node.pipeline.cancel_training()
        return self._node.pipeline.status_message

    # -- predicting ---------------------------------------------------------------------------

    def _start_predicting(self, request: Trigger.Request, response: Trigger.Response) -> str:
        pipeline = self._node.pipeline
        if pipeline.state is PipelineState.PREDICTING:
            pipeline.begin_predicting()  # refused, in MyoGestic's words
            return pipeline.status_message
        return self._transition('activate', 'start predicting')

    def _stop_predicting(self, request: Trigger.Request, response: Trigger.Response) -> str:
        pipeline = self._node.pipeline
        if pipeline.state is not PipelineState.PREDICTING:
            pipeline.end_predicting()  # refused, in MyoGestic's words
            return pipeline.status_message
        return self._transition('deactivate', 'stop predicting')

    def _transition(self, transition: str, action: str) -> str:
        success, message = self._node.request_transition(transition, action)
        if not success:
            raise StateError(message)
        return message

    # -- models -------------------------------------------------------------------------------

    def _save_model(self, request: SaveModel.Request, response: SaveModel.Response) -> str:
        models = self._require_models('save the model')
        name = self._run_in_time(
            lambda: models.save_as(request.name), lambda saved: f"Saved as '{saved}'."
        )
        response.name = name or request.name
        return f"Saved as '{name}'." if name else SAVING

    def _load_model(self, request: LoadModel.Request, response: LoadModel.Response) -> str:
        models = self._require_models('load a model')
        name = self._run_in_time(
            lambda: models.load(request.name), lambda loaded: f"Model '{loaded}' is loaded."
        )
        return f"Model '{name}' is loaded." if name else 'Loading; see ~/status.'

    def _run_in_time(self, work: Callable[[], str], status: Callable[[str], str]) -> str:
        """Run a function in the background and wait for its result for a limited time.

        Its end is reported on ``~/status``, also when the service has answered before; a failure
        is an error in the diagnostics until the next success.

        Parameters
        ----------
        work : callable
            Returns a non-empty string.
        status : callable
            Turns the result into a status message.

        Returns
        -------
        str
            The result; empty if the function is still running.
        """

        def work_and_report() -> str:
            try:
                result = work()
            except Exception as error:
                message = str(error) if isinstance(error, MyoGesticError) else repr(error)
                self._node.report_model_error(message)
                self._node.pipeline.set_status(message)
                raise
            self._node.report_model_error('')
            self._node.pipeline.set_status(status(result))
            return result

        try:
            return self._background.submit(work_and_report).result(ANSWER_TIMEOUT_S)
        except FutureTimeoutError:
            return ''

    def _list_models(self, request: ListModels.Request, response: ListModels.Response) -> str:
        store = self._require_models('list models').store
        unreadable = []
        for name in store.names():
            try:
                response.models.append(_model_info(name, store.manifest(name)))
            except ModelError as error:
                self._node.get_logger().warning(str(error))
                unreadable.append(name)
        response.current = self._node.pipeline.model_id
        message = f'{len(response.models)} model(s) in {store.folder}.'
        if unreadable:
            more = len(unreadable) - MAX_NAMED
            message += (
                f' {len(unreadable)} cannot be read, see the log: '
                f'{", ".join(unreadable[:MAX_NAMED])}{f" and {more} more" if more > 0 else ""}.'
            )
        return message


def _model_info(name: str, manifest: Manifest) -> ModelInfo:
    return ModelInfo(
        name=name,
        created=Time(sec=_seconds(manifest.created)),
        decoder=manifest.decoder,
        class_names=manifest.class_names,
        accuracy=_number(manifest.scores.get('accuracy')),
    )


def _seconds(created: str) -> int:
    """Return a time in ISO 8601 as seconds of a ROS time; 0 if it is not one."""
    try:
        seconds = int(datetime.fromisoformat(created).timestamp())
    except (ValueError, OverflowError, OSError):
        return 0
    return seconds if 0 <= seconds < 2**31 else 0


def _number(value: object) -> float:
    """Return a number in a manifest, which any program may have written; NaN if it is not one."""
    try:
        return float(value) if isinstance(value, (int, float)) else float('nan')
    except OverflowError:
        return float('nan')


def _training_paths(pipeline: Pipeline) -> list[str]:
    return pipeline.training_data.paths if pipeline.training_data is not None else []
