"""Features by their names in the literature, and common sets of features.

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
from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.features import amplitude, counts, dynamics
from myogestic_ros.decoding.features.covariance import covariance, log_covariance
from myogestic_ros.decoding.features.math_utils import Floats
from myogestic_ros.decoding.features.moments import tdpsd

__all__ = ['FEATURES', 'FEATURE_SETS', 'compute_features', 'feature_set']

FEATURES: Mapping[str, Callable[..., Floats]] = MappingProxyType(
    {
        'MAV': amplitude.mav,
        'IAV': amplitude.iav,
        'RMS': amplitude.rms,
        'VAR': amplitude.var,
        'LOG': amplitude.log_detector,
        'WL': amplitude.wl,
        'MAVFD': amplitude.mavfd,
        'DASDV': amplitude.dasdv,
        'MFL': amplitude.mfl,
        'SKEW': amplitude.skewness,
        'KURT': amplitude.kurtosis,
        'ZC': counts.zc,
        'SSC': counts.ssc,
        'WAMP': counts.wamp,
        'AR': dynamics.ar,
        'HJORTH': dynamics.hjorth,
        'MNF': dynamics.mnf,
        'MDF': dynamics.mdf,
        'SAMPEN': dynamics.sampen,
        'TDPSD': tdpsd,
        'COV': covariance,
        'LOGCOV': log_covariance,
    }
)
"""All features by name."""

FEATURE_SETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        'HTD': ('MAV', 'ZC', 'SSC', 'WL'),  # [1]
        'TSTD': ('MAVFD', 'DASDV', 'WAMP', 'ZC', 'MFL', 'SAMPEN', 'TDPSD'),  # [2]
        'TDPSD': ('TDPSD',),  # [3]
        'TDAR': ('MAV', 'ZC', 'SSC', 'WL', 'AR'),  # [4]
    }
)
"""Names of the features in each set."""


def feature_set(name: str) -> tuple[str, ...]:
    """Return the names of the features in a set; a single feature is a set of its own.

    Raises
    ------
    DecoderError
        If there is no such set or feature.
    """
    if name in FEATURE_SETS:
        return FEATURE_SETS[name]
    if name in FEATURES:
        return (name,)
    raise DecoderError(
        f"There is no feature or set '{name}'; expected a set ({', '.join(FEATURE_SETS)}) or a "
        f'feature ({", ".join(FEATURES)}).'
    )


@public_address
def compute_features(
    windows: ArrayLike, name: str, options: Mapping[str, Mapping[str, Any]] | None = None
) -> Floats:
    """Return the features of a set, concatenated.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Volt.
    name : str
        Name of a set or of a feature.
    options : mapping of str to mapping, optional
        Arguments of features by name: ``{'WAMP': {'threshold': 1e-5}}``. WAMP needs a threshold
        (volt), MNF and MDF a sampling rate (Hz).

    Returns
    -------
    ndarray, shape (…, n_features)
        Feature after feature; within each, channel after channel.

    Raises
    ------
    DecoderError
        If there is no such set or feature, or an argument is missing or unknown.
    """
    options = options or {}
    names = feature_set(name)
    unknown = sorted(set(options) - set(names))
    if unknown:
        raise DecoderError(
            f"Got options for {', '.join(unknown)}, which '{name}' does not contain; expected "
            f'options for {", ".join(names)}.'
        )
    leading = np.shape(windows)[:-2]
    found = []
    for feature in names:
        try:
            values = FEATURES[feature](windows, **options.get(feature, {}))
        except TypeError as error:
            raise DecoderError(f"Feature '{feature}' cannot be computed: {error}.") from error
        found.append(values.reshape(*leading, -1))
    return np.concatenate(found, axis=-1)
