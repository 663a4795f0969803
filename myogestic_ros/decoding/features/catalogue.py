"""Features of EMG windows, named as in the literature.

Each function takes windows of shape ``(…, n_channels, n_samples)``, one or many, and returns one
or several numbers per channel, shape ``(…, n_channels)`` or ``(…, n_channels, n_numbers)``, in the
floating type of the windows (float64 for integers). Many windows at once give, bit for bit, what
each gives alone. Formula and source stand with each.

| room | what is there |
|---|---|
| `features_amplitude` | MAV, IAV, RMS, VAR, LOG, WL, MAVFD, DASDV, MFL, skewness, kurtosis |
| `features_counts` | ZC, SSC, WAMP, and the set HTD |
| `features_dynamics` | AR, Hjorth, MNF, MDF, sample entropy |
| `features_moments` | TDPSD |
| `features_covariance` | covariance, log-Euclidean and tangent vectors |
| `feature_sets` | all of them by name, and the sets HTD, TSTD, TDPSD, TDAR |
"""

from __future__ import annotations

from myogestic_ros.decoding.features.amplitude import (
    dasdv,
    iav,
    kurtosis,
    log_detector,
    mav,
    mavfd,
    mfl,
    rms,
    skewness,
    var,
    wl,
)
from myogestic_ros.decoding.features.counts import hudgins, ssc, wamp, zc
from myogestic_ros.decoding.features.covariance import covariance, log_covariance
from myogestic_ros.decoding.features.dynamics import ar, hjorth, mdf, mnf, sampen
from myogestic_ros.decoding.features.moments import tdpsd
from myogestic_ros.decoding.features.registry import (
    FEATURE_SETS,
    FEATURES,
    compute_features,
    feature_set,
)

__all__ = [
    'FEATURES',
    'FEATURE_SETS',
    'ar',
    'compute_features',
    'covariance',
    'dasdv',
    'feature_set',
    'hjorth',
    'hudgins',
    'iav',
    'kurtosis',
    'log_covariance',
    'log_detector',
    'mav',
    'mavfd',
    'mdf',
    'mfl',
    'mnf',
    'rms',
    'sampen',
    'skewness',
    'ssc',
    'tdpsd',
    'var',
    'wamp',
    'wl',
    'zc',
]
