"""A classifier of gestures.

    ros2 launch myogestic_ros bringup.launch.py decoder:=examples/classifier.py

Record a few repetitions of each gesture, call /pipeline/train, then /pipeline/start_predicting.
This file is a complete decoder: copy it and change it.
"""

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from myogestic_ros import FilterSpec, Pipeline, StreamSpec, TrainingData, iter_windows
from myogestic_ros.decoding.features.catalogue import mav, rms, wl

# Windows of 200 ms, 50 predictions a second. The filter runs live and while training; parameters
# of the pipeline node (filter.bandpass, filter.notch) override it.
pipeline = Pipeline(
    predict_hz=50.0,
    streams=[StreamSpec('emg', 200.0, filters=FilterSpec(bandpass=(20.0, 0.0), order=2))],
)


@pipeline.extract
def extract(windows):
    """Turn a window (n_channels, n_samples), in volt, into a vector of features."""
    emg = windows['emg']
    return np.log(np.concatenate([mav(emg), rms(emg), wl(emg)]) + 1e-7)


@pipeline.train
def train(data: TrainingData):
    """Train on the windows of recorded sessions; printed lines appear in the training log."""
    features, labels, repetitions = [], [], []
    for window in iter_windows(
        data.paths, 'emg', data.window_ms, data.hop_ms, data.classes, settle_ms=500.0
    ):
        features.append(extract({'emg': window.data}))
        labels.append(window.class_name)
        repetitions.append(f'{window.session} {window.repetition}')
    print(f'{len(features)} windows of {sorted(set(labels))}')
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis('lsqr', shrinkage='auto'))
    # Neighbouring windows share most of their samples: split by repetition, never by window.
    n_folds = min(5, len(set(repetitions)))
    if n_folds > 1:
        scores = cross_val_score(
            model, features, labels, groups=repetitions, cv=GroupKFold(n_folds)
        )
        print(f'accuracy on repetitions that were held out: {scores.mean():.1%}')
    return model.fit(features, labels)


@pipeline.predict
def predict(model, features):
    """Return the prediction; `label` and `probabilities` are fields of the message."""
    probabilities = model.predict_proba(features[np.newaxis])[0]
    return {
        'label': str(model.classes_[probabilities.argmax()]),
        'probabilities': dict(zip(model.classes_.tolist(), probabilities.tolist(), strict=True)),
    }


if __name__ == '__main__':
    pipeline.spin()  # run as a script, this file is the pipeline node
