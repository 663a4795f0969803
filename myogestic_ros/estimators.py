"""Public address of everything of this package that a model file may contain.

Saved models (joblib files) refer to these classes and functions as ``myogestic_ros.estimators.X``,
wherever they are defined, so that a model can still be loaded after a module was moved. Use this
address in code that builds models, too::

    from myogestic_ros.estimators import TangentSpace

Where to put a new class: define it in the module of its subject, decorate it with
`myogestic_ros.core.public_address.public_address`, and import it here. Names are never
removed. If the attributes of a class change, so that objects saved before no longer work,
increase ``FORMAT`` in `myogestic_ros.core.models.model_store`: older models are then refused with
the request to train them again.
"""

from __future__ import annotations

from myogestic_ros.core.streams.filter_spec import FilterSpec
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.core.training.training_data import TrainingData
from myogestic_ros.decoding.adaptation.memory import Memory
from myogestic_ros.decoding.decoders.class_decoder import ClassDecoder
from myogestic_ros.decoding.decoders.linear_decoder import LinearDecoder, LogAmplitude
from myogestic_ros.decoding.decoders.proportional import (
    BoundedRegressor,
    PerFeature,
    ProportionalDecoder,
    extract_amplitudes,
)
from myogestic_ros.decoding.estimators.block_ensemble import BlockEnsemble
from myogestic_ros.decoding.estimators.bounded_gaussian_process import BoundedGaussianProcess
from myogestic_ros.decoding.estimators.discriminant import RegularisedDiscriminant
from myogestic_ros.decoding.estimators.likelihood_classifier import LikelihoodClassifier
from myogestic_ros.decoding.estimators.tangent_space import TangentSpace
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
from myogestic_ros.decoding.features.hudgins import extract_hudgins, hudgins
from myogestic_ros.decoding.features.lagged_covariance import (
    extract_covariances,
    extract_log_covariances,
    extract_log_covariances_and_hudgins,
    lagged_covariance,
)
from myogestic_ros.decoding.features.moments import tdpsd
from myogestic_ros.decoding.features.registry import compute_features
from myogestic_ros.decoding.postprocessing.vector_filters import (
    GaussianFilter,
    IdentityFilter,
    OneEuroFilter,
)

__all__ = [
    'BlockEnsemble',
    'BoundedGaussianProcess',
    'BoundedRegressor',
    'ClassDecoder',
    'FilterSpec',
    'GaussianFilter',
    'IdentityFilter',
    'LikelihoodClassifier',
    'LinearDecoder',
    'LogAmplitude',
    'Memory',
    'OneEuroFilter',
    'PerFeature',
    'ProportionalDecoder',
    'RegularisedDiscriminant',
    'StreamSpec',
    'TangentSpace',
    'TrainingData',
    'ar',
    'compute_features',
    'covariance',
    'dasdv',
    'extract_amplitudes',
    'extract_covariances',
    'extract_hudgins',
    'extract_log_covariances',
    'extract_log_covariances_and_hudgins',
    'hjorth',
    'hudgins',
    'iav',
    'kurtosis',
    'lagged_covariance',
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
