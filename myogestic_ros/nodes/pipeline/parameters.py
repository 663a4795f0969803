"""The parameters of the pipeline node."""

from __future__ import annotations

from myogestic_ros.core.parameters import Parameter
from myogestic_ros.decoding.postprocessing.parameters import POST
from myogestic_ros.nodes.pipeline.stream_parameters import filter_table

__all__ = ['DEFAULT_DECODER', 'PIPELINE', 'stream_table']

DEFAULT_DECODER = 'covariance'

PIPELINE = (
    Parameter(
        'decoder',
        DEFAULT_DECODER,
        'Decoder: a ready one (covariance, lda, svm, rf, riemann, htd_lda, ridge, kernel_ridge, gp), '
        'a scikit-learn estimator by import path, a .py file, a module, or a name that a package '
        'offers.',
    ),
    Parameter(
        'model', '', 'Model to load when the node is configured: its name in model_dir; or none.'
    ),
    Parameter(
        'predict_hz',
        -1.0,
        'Predictions per second of signal, Hz; 0: one per frame; negative: as the decoder says.',
        minimum=-1.0,
        maximum=10000.0,
    ),
    Parameter(
        'window_ms',
        -1.0,
        'Length of the window of every stream, ms; negative: as the decoder says.',
        minimum=-1.0,
        maximum=60000.0,
    ),
    Parameter(
        'training_hop_ms', 50.0, 'Step between training windows, ms.', minimum=1.0, maximum=60000.0
    ),
    Parameter(
        'training_backend',
        'threading',
        'What spreads the work of a training over the cores: threading, loky (processes), or dask '
        "and, after a colon, its scheduler's address.",
    ),
    Parameter(
        'settle_ms',
        500.0,
        'Time after each cue that training leaves out, ms: people react late.',
        minimum=0.0,
        maximum=60000.0,
    ),
    Parameter(
        'streams',
        [''],
        "Names of the streams to read, the primary first; ['']: as the decoder says.",
    ),
    Parameter('session_dir', 'sessions', 'Folder of the recorded sessions.'),
    Parameter('model_dir', 'models', 'Folder of the models.'),
    Parameter(
        'stale_after',
        0.2,
        'Time without a sample after which a stream counts as stale, s.',
        minimum=0.01,
        maximum=60.0,
    ),
    Parameter(
        'sync_timeout',
        0.05,
        "Time that a tick waits until the other streams have reached the primary's instant, s.",
        minimum=0.0,
        maximum=10.0,
    ),
    Parameter(
        'max_consecutive_errors',
        10,
        'So many failed predictions in a row end predicting.',
        minimum=1,
        maximum=1000000,
    ),
    *filter_table('as the decoder says, or the model'),
    *POST,
)


def stream_table(name: str) -> tuple[Parameter, ...]:
    """Return the parameters of one stream; each is declared as ``stream.<name>.<parameter>``."""
    return (
        Parameter('topic', name, 'Topic of the stream.'),
        Parameter('type', 'emg', 'What comes on it.', choices=('emg', 'joint_state')),
        Parameter(
            'window_ms',
            -1.0,
            'Length of its window, ms; negative: as window_ms says.',
            minimum=-1.0,
            maximum=60000.0,
        ),
        Parameter(
            'rotation',
            0,
            'Places that the channels are moved up, round a ring: an armband that sits turned.',
            minimum=-1024,
            maximum=1024,
        ),
        Parameter(
            'sampling_rate',
            100.0,
            'Rate of a joint_state stream, Hz (an emg stream brings its own).',
            minimum=0.1,
            maximum=100000.0,
        ),
        *filter_table('as for all streams'),
    )
