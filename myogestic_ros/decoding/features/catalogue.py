"""All features of EMG windows, named as in the literature.

Each function takes windows of shape ``(…, n_channels, n_samples)``, one or many, and returns one
or several values per channel, shape ``(…, n_channels)`` or ``(…, n_channels, n_values)``, in the
floating-point type of the windows (float64 for integers). Many windows at once give results
identical to those of each window alone. Each docstring gives the formula and the source.

| module | features |
|---|---|
| `amplitude` | MAV, IAV, RMS, VAR, LOG, WL, MAVFD, DASDV, MFL, skewness, kurtosis |
| `counts` | ZC, SSC, WAMP |
| `hudgins` | Hudgins' set HTD |
| `dynamics` | AR, Hjorth, MNF, MDF, sample entropy |
| `moments` | TDPSD |
| `covariance` | covariance, log-Euclidean and tangent vectors |
| `lagged_covariance` | log covariance with a time lag |
| `registry` | all features by name, and the sets HTD, TSTD, TDPSD, TDAR |
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
from myogestic_ros.decoding.features.counts import ssc, wamp, zc
from myogestic_ros.decoding.features.covariance import covariance, log_covariance
from myogestic_ros.decoding.features.dynamics import ar, hjorth, mdf, mnf, sampen
from myogestic_ros.decoding.features.hudgins import hudgins
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
