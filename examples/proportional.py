"""Proportional control: predict the position of each joint.

The targets are a stream of sensor_msgs/JointState, from a data glove, motion capture or a
simulated hand that the person follows, recorded beside the EMG:

    ros2 run myogestic_ros recorder --ros-args -p other_topics:="['glove:sensor_msgs/msg/JointState']"
    ros2 launch myogestic_ros bringup.launch.py decoder:=examples/proportional.py

No labels are needed. One model predicts all joints at once, each within the range it had in the
recordings, so that several can move at the same time.
"""

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from myogestic_ros import OneEuroFilter, Pipeline, TrainingData, iter_aligned_windows
from myogestic_ros.decoding.features.catalogue import mav, wl

TARGET = 'glove'

pipeline = Pipeline(predict_hz=50.0)

# Strong smoothing at rest, little in motion. The parameter post.smoothing of the pipeline node
# does the same, and in addition restarts after lost samples and reports its delay.
smooth = OneEuroFilter(hz=50.0, min_cutoff_hz=2.0, beta=0.5)


class Hand:
    """The model: a regression, and the names and ranges of the joints."""

    def __init__(self, regression, names, low, high):
        self.regression, self.names, self.low, self.high = regression, names, low, high


@pipeline.extract
def extract(windows):
    """Return amplitudes and their roots, because force is not proportional to the amplitude."""
    amplitude = np.concatenate([mav(windows['emg']), wl(windows['emg'])])
    return np.concatenate([amplitude, np.sqrt(amplitude)])


@pipeline.train
def train(data: TrainingData):
    """Train on windows of EMG, each with the joints' positions at its middle."""
    features, positions, names = [], [], []
    for window, aligned, _ in iter_aligned_windows(
        data.paths, 'emg', [TARGET], data.window_ms, data.hop_ms, with_names=True
    ):
        names = list(aligned[TARGET])
        features.append(extract({'emg': window}))
        positions.append(list(aligned[TARGET].values()))
    if not features:
        raise ValueError(f"No windows of EMG with positions of '{TARGET}' beside them.")
    x, y = np.array(features), np.array(positions)
    regression = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13)))
    half = len(x) // 2
    if half > 1:  # tested on the second half, because neighbouring windows are nearly equal
        print(
            f'R² {regression.fit(x[:half], y[:half]).score(x[half:], y[half:]):.2f} on the second half'
        )
    print(f'{len(x)} windows, joints: {", ".join(names)}')
    return Hand(regression.fit(x, y), names, y.min(axis=0), y.max(axis=0))


@pipeline.predict
def predict(model, features):
    """Return the value of each degree of freedom by its name, in radian as recorded."""
    position = np.ravel(model.regression.predict(features[np.newaxis]))
    position = smooth(np.clip(position, model.low, model.high))
    return {'dofs': dict(zip(model.names, position.tolist(), strict=True))}


if __name__ == '__main__':
    pipeline.spin()
