"""Parameters of the pipeline node."""

from __future__ import annotations

from myogestic_ros.core.file_access import FILE_ACCESS
from myogestic_ros.core.models.model_store import FORMATS
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.decoding.decoders.parallel import backend_error
from myogestic_ros.decoding.postprocessing.parameters import POST
from myogestic_ros.nodes.pipeline.stream_parameters import filter_table

__all__ = ['DEFAULT_DECODER', 'PIPELINE', 'stream_table']

DEFAULT_DECODER = 'covariance'

PIPELINE = (
    Parameter(
        'decoder',
        DEFAULT_DECODER,
        'Decoder: a built-in one (covariance, lda, svm, rf, riemann, htd_lda, ridge, kernel_ridge, '
        'gp), the import path of a scikit-learn estimator, a .py file, a module, or the name of a '
        'decoder from another package.',
        used_at='configure',
    ),
    Parameter(
        'model',
        '',
        "Name of the model in model_dir to load when the node is configured; '': none.",
        used_at='configure',
    ),
    Parameter(
        'predict_hz',
        -1.0,
        'Predictions per second of signal, Hz; 0: one per frame; negative: as in the decoder.',
        minimum=-1.0,
        maximum=10000.0,
    ),
    Parameter(
        'window_ms',
        -1.0,
        'Window length of every stream, ms; negative: as in the decoder.',
        minimum=-1.0,
        maximum=60000.0,
        used_at='configure',
    ),
    Parameter(
        'training_hop_ms', 50.0, 'Hop between training windows, ms.', minimum=1.0, maximum=60000.0
    ),
    Parameter(
        'training_backend',
        'threading',
        'Parallel backend of training: threading, loky (processes), or dask, optionally followed '
        "by a colon and its scheduler's address.",
        check=backend_error,
    ),
    Parameter(
        'settle_ms',
        500.0,
        'Time after each cue that training leaves out because people react with a delay, ms.',
        minimum=0.0,
        maximum=60000.0,
    ),
    Parameter(
        'streams',
        [''],
        "Names of the streams, the primary stream first; ['']: as in the decoder.",
        used_at='configure',
    ),
    Parameter('session_dir', 'sessions', 'Folder of the recorded sessions.'),
    Parameter(
        'session_paths',
        [''],
        'Further folders, below which train and adapt may read sessions that are named by absolute '
        "path; ['']: none, ['/']: any.",
        read_only=True,
    ),
    FILE_ACCESS,
    Parameter(
        'model_dir',
        'models',
        'Folder of the models.',
        used_at='configure',
    ),
    Parameter(
        'model_key',
        '',
        'Key file, outside of model_dir, whose signature a model must have; a private key signs '
        "saved models; '': models need no signature.",
        read_only=True,
    ),
    Parameter(
        'model_format',
        'joblib',
        'Format of saved models; with skops, joblib files, which can run code, are not loaded.',
        choices=FORMATS,
        read_only=True,
    ),
    Parameter(
        'stale_after',
        0.2,
        'Time without a sample after which a stream is stale and predictions pause, s.',
        minimum=0.01,
        maximum=60.0,
    ),
    Parameter(
        'sync_timeout',
        0.05,
        "Time that a tick waits for the other streams to reach the primary stream's time, s.",
        minimum=0.0,
        maximum=10.0,
    ),
    Parameter(
        'max_consecutive_errors',
        10,
        'Number of failed predictions in a row after which predicting stops.',
        minimum=1,
        maximum=1000000,
    ),
    *filter_table('as in the decoder or model'),
    *POST,
)


def stream_table(name: str) -> tuple[Parameter, ...]:
    """Return the parameters of a stream, each declared as ``stream.<name>.<parameter>``."""
    return (
        Parameter(
            'topic',
            name,
            'Topic of the stream.',
            used_at='configure',
        ),
        Parameter(
            'type',
            'emg',
            'Message type: emg (EmgFrame) or joint_state (sensor_msgs/JointState).',
            choices=('emg', 'joint_state'),
            used_at='configure',
        ),
        Parameter(
            'window_ms',
            -1.0,
            'Window length of the stream, ms; negative: as in window_ms.',
            minimum=-1.0,
            maximum=60000.0,
            used_at='configure',
        ),
        Parameter(
            'rotation',
            0,
            'Number of places by which the channels are shifted cyclically, for an electrode band that '
            'sits rotated.',
            minimum=-1024,
            maximum=1024,
        ),
        Parameter(
            'sampling_rate',
            100.0,
            'Sampling rate of a joint_state stream, Hz; ignored for emg, whose frames contain it.',
            minimum=0.1,
            maximum=100000.0,
            used_at='configure',
        ),
        *filter_table('as for all streams'),
    )
