"""Two streams of different rates: EMG, and an accelerometer on the forearm.

The orientation of the arm changes the EMG of a gesture, so a decoder with both signals is more
accurate. Each stream has its own sampling rate and window length. The accelerometer is published
as EmgFrame, like any sampled signal, on the topic imu:

    ros2 run myogestic_ros recorder --ros-args -p emg_topics:="[emg, imu]"
    ros2 launch myogestic_ros bringup.launch.py decoder:=examples/two_streams.py
"""

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from myogestic_ros import Pipeline, StreamSpec, TrainingData, iter_multi_windows
from myogestic_ros.decoding.features.catalogue import mav, wl

# The first stream clocks the predictions; the window of the other one ends at the same instant.
pipeline = Pipeline(predict_hz=50.0, streams=[StreamSpec('emg', 200.0), StreamSpec('imu', 100.0)])


@pipeline.extract
def extract(windows):
    """Return the amplitudes of the EMG and the direction of gravity."""
    emg, imu = windows['emg'], windows['imu']
    return np.concatenate([np.log(mav(emg) + 1e-7), np.log(wl(emg) + 1e-7), imu.mean(axis=1)])


@pipeline.train
def train(data: TrainingData):
    """Train on windows of both streams that end at the same instant, as live windows do."""
    features, labels = [], []
    for found in iter_multi_windows(
        data.paths, data.streams, data.hop_ms, data.classes, settle_ms=500.0
    ):
        features.append(extract(found.windows))
        labels.append(found.class_name)
    print(f'{len(features)} windows of {sorted(set(labels))}')
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis('lsqr', shrinkage='auto'))
    return model.fit(features, labels)


@pipeline.predict
def predict(model, features):
    """Return the gesture and the probability of each."""
    probabilities = model.predict_proba(features[np.newaxis])[0]
    return {
        'label': str(model.classes_[probabilities.argmax()]),
        'probabilities': dict(zip(model.classes_.tolist(), probabilities.tolist(), strict=True)),
    }


if __name__ == '__main__':
    pipeline.spin()
