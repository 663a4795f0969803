"""Train, predict and score a decoder without a ROS graph.

    python examples/offline.py                             # on two recordings of a synthetic arm
    python examples/offline.py sessions/mon sessions/tue   # train on the first, test on the last

The callbacks are the same as in `classifier.py`. `predict_session` plays a session to the pipeline
and yields the predictions that the pipeline node would publish, so the score holds for the node.
"""

import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from myogestic_ros import Pipeline, TrainingData, iter_windows
from myogestic_ros.sessions.reading.offline_prediction import predict_session
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.reading.timeline import Timeline
from myogestic_ros.sources.importers.importer import import_recording

SETTLE_NS = 500_000_000  # the reaction time after a cue is neither trained on nor scored
CLASSES = ['rest', 'fist', 'open']
pipeline = Pipeline(predict_hz=50.0)


@pipeline.extract
def extract(windows):
    """Return one feature per channel: the logarithm of the amplitude."""
    return np.log(windows['emg'].std(axis=-1) + 1e-9)


@pipeline.train
def train(data: TrainingData):
    """Fit a linear classifier to the windows of all sessions."""
    windows = list(iter_windows(data.paths, 'emg', data.window_ms, data.hop_ms, settle_ms=500.0))
    features = np.array([extract({'emg': window.data}) for window in windows])
    return LinearDiscriminantAnalysis().fit(features, [window.class_name for window in windows])


@pipeline.predict
def predict(model, features):
    """Return the decided class and the probability of each."""
    probabilities = model.predict_proba(features[np.newaxis])[0]
    return {
        'label': str(model.classes_[probabilities.argmax()]),
        'probabilities': dict(zip(model.classes_.tolist(), probabilities.tolist(), strict=True)),
    }


def score(session: Session) -> dict[str, float]:
    """Return the share of right predictions of each class, 0 to 1."""
    timeline = Timeline(session.labels())
    right = defaultdict(list)
    for prediction in predict_session(pipeline, session):
        label = timeline.label_during(prediction.stamp_ns, prediction.stamp_ns, SETTLE_NS)
        if label is not None:
            right[label.name].append(prediction.values['label'] == label.name)
    return {name: float(np.mean(hits)) for name, hits in right.items()}


def make_session(folder: Path, seed: int) -> Path:
    """Make a session of 8 channels at 1 kHz in which each class is held three times for 2 s."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.tile(np.arange(len(CLASSES)), 3), 2000)
    amplitude = 20e-6 * (1.0 + 0.2 * np.random.default_rng(0).random((len(CLASSES), 8)))
    np.savez(
        folder / f'{seed}.npz',
        emg=rng.standard_normal((len(labels), 8)) * amplitude[labels],
        labels=labels,
    )
    mapping = {'sampling_rate': 1000.0, 'scale': 1.0, 'class_names': CLASSES}
    import_recording(folder / f'{seed}.npz', folder / f'session{seed}', given=mapping)
    return folder / f'session{seed}'


def main(paths: list[str]) -> None:
    """Train on all sessions but the last, and score the last."""
    with TemporaryDirectory() as folder:
        if len(paths) < 2:
            paths = [str(make_session(Path(folder), seed)) for seed in (1, 2)]
        pipeline.training_data = TrainingData(paths[:-1])
        pipeline.start_training()  # in a process of its own, as in the node
        pipeline.wait_for_training(600.0)
        print(pipeline.status_message)
        if pipeline.model is not None:
            for name, share in score(Session(paths[-1])).items():
                print(f'{name}: {share:.1%} of the predictions are right')


if __name__ == '__main__':
    main(sys.argv[1:])
