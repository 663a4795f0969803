"""Features by their names in the literature, and the sets that are used together.

References
----------
.. [1] B. Hudgins, P. Parker, R. N. Scott, IEEE Trans. Biomed. Eng. 40(1), 82-94, 1993.
.. [2] A. Phinyomark et al., "Navigating features: a topologically informed chart of
   electromyographic features space", J. R. Soc. Interface 14, 20170734, 2017.
.. [3] A. H. Al-Timemy et al., IEEE Trans. Neural Syst. Rehabil. Eng. 24(6), 650-661, 2016.
.. [4] K. Englehart, B. Hudgins, "A robust, real-time control scheme for multifunction myoelectric
   control", IEEE Trans. Biomed. Eng. 50(7), 848-854, 2003; with AR coefficients: Y. Huang et al.,
   IEEE Trans. Biomed. Eng. 52(11), 1801-1811, 2005.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.errors import DecoderError
from myogestic_ros.core.models.public_address import public_address
from myogestic_ros.decoding.features import amplitude as features_amplitude
from myogestic_ros.decoding.features import counts as features_counts
from myogestic_ros.decoding.features import dynamics as features_dynamics
from myogestic_ros.decoding.features.covariance import covariance, log_covariance
from myogestic_ros.decoding.features.math_utils import Floats
from myogestic_ros.decoding.features.moments import tdpsd

__all__ = ['FEATURES', 'FEATURE_SETS', 'compute_features', 'feature_set']

FEATURES: Mapping[str, Callable[..., Floats]] = MappingProxyType(
    {
        'MAV': features_amplitude.mav,
        'IAV': features_amplitude.iav,
        'RMS': features_amplitude.rms,
        'VAR': features_amplitude.var,
        'LOG': features_amplitude.log_detector,
        'WL': features_amplitude.wl,
        'MAVFD': features_amplitude.mavfd,
        'DASDV': features_amplitude.dasdv,
        'MFL': features_amplitude.mfl,
        'SKEW': features_amplitude.skewness,
        'KURT': features_amplitude.kurtosis,
        'ZC': features_counts.zc,
        'SSC': features_counts.ssc,
        'WAMP': features_counts.wamp,
        'AR': features_dynamics.ar,
        'HJORTH': features_dynamics.hjorth,
        'MNF': features_dynamics.mnf,
        'MDF': features_dynamics.mdf,
        'SAMPEN': features_dynamics.sampen,
        'TDPSD': tdpsd,
        'COV': covariance,
        'LOGCOV': log_covariance,
    }
)
"""Each feature by its name in the literature."""

FEATURE_SETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        'HTD': ('MAV', 'ZC', 'SSC', 'WL'),  # [1]
        'TSTD': ('MAVFD', 'DASDV', 'WAMP', 'ZC', 'MFL', 'SAMPEN', 'TDPSD'),  # [2]
        'TDPSD': ('TDPSD',),  # [3]
        'TDAR': ('MAV', 'ZC', 'SSC', 'WL', 'AR'),  # [4]
    }
)
"""Names of the features of each set."""


def feature_set(name: str) -> tuple[str, ...]:
    """Return the names of the features of a set, or of one feature.

    Raises
    ------
    DecoderError
        When there is neither.
    """
    if name in FEATURE_SETS:
        return FEATURE_SETS[name]
    if name in FEATURES:
        return (name,)
    raise DecoderError(
        f"There is no feature or set '{name}'; there are the sets {', '.join(FEATURE_SETS)} and "
        f'the features {", ".join(FEATURES)}.'
    )


@public_address
def compute_features(
    windows: ArrayLike, name: str, options: Mapping[str, Mapping[str, Any]] | None = None
) -> Floats:
    """Return the features of a set, one after the other.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    name : str
        Name of a set or of a feature.
    options : mapping of str to mapping, optional
        Parameters of features: ``{'WAMP': {'threshold': 1e-5}}``. WAMP, MNF and MDF need some.

    Returns
    -------
    ndarray, shape (…, n_features)
        Feature after feature, in each channel after channel.
    """
    options = options or {}
    names = feature_set(name)
    unknown = sorted(set(options) - set(names))
    if unknown:
        raise DecoderError(f"Options for {', '.join(unknown)}, which '{name}' does not contain.")
    leading = np.shape(windows)[:-2]
    found = []
    for feature in names:
        try:
            values = FEATURES[feature](windows, **options.get(feature, {}))
        except TypeError as error:
            raise DecoderError(f"Feature '{feature}': {error}.") from error
        found.append(values.reshape(*leading, -1))
    return np.concatenate(found, axis=-1)
