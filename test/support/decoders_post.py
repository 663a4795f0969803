"""A decoder for tests of what comes before and after it: always a fist, with probability 0.8."""

from __future__ import annotations

from myogestic_ros import Pipeline, iter_labeled_windows

pipeline = Pipeline(predict_hz=50.0)


@pipeline.extract
def extract(windows):
    return windows['emg']


@pipeline.train
def train(data):
    """Learn the mean amplitude, and print it."""
    sizes = [
        float(abs(window).mean())
        for window, _, _ in iter_labeled_windows(data.paths, 'emg', data.window_ms, data.hop_ms)
    ]
    pipeline.train_log.append(f'{len(sizes)} windows')
    return sum(sizes) / len(sizes)


@pipeline.predict
def predict(model, features):
    return {'class': 1, 'proba': [0.2, 0.8]}
