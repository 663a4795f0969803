"""Time-domain power spectral descriptors (TDPSD): spectral moments without a Fourier transform.

References
----------
.. [1] A. H. Al-Timemy, R. N. Khushaba, G. Bugmann, J. Escudero, "Improving the performance against
   force variation of EMG controlled multifunctional upper-limb prostheses for transradial
   amputees", IEEE Trans. Neural Syst. Rehabil. Eng. 24(6), 650-661, 2016.
.. [2] R. N. Khushaba, M. Takruri, J. Valls Miro, S. Kodagoda, "Towards limb position invariant
   myoelectric pattern recognition using time-dependent spectral features", Neural Networks 55,
   42-58, 2014.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from myogestic_ros.core.public_address import public_address
from myogestic_ros.decoding.features.chunking import in_chunks
from myogestic_ros.decoding.features.math_utils import (
    Floats,
    as_windows,
    differences,
    ratio,
    total,
)

__all__ = ['tdpsd']


@public_address
@in_chunks
def tdpsd(windows: ArrayLike, power: float = 0.1) -> Floats:
    """Return the time-domain power spectral descriptors (TDPSD) [1]_ [2]_.

    With the root squared moments ``r0 = sqrt(sum(x**2))``, ``r2 = sqrt(sum(dx**2))`` and
    ``r4 = sqrt(sum(ddx**2))``, where ``dx`` is the first and ``ddx`` the second difference, and
    normalised moments ``m = r**power / power``:

    1. ``log(m0)``
    2. ``log(|m0 - m2|)``
    3. ``log(|m0 - m4|)``
    4. sparseness: ``log(m0 / (sqrt(|m0 - m2|) sqrt(|m0 - m4|)))``
    5. irregularity factor: ``log(m2 / sqrt(m0 m4))``
    6. waveform length ratio: ``log(sum(|dx|) / sum(|ddx|))``

    Arguments of the logarithm are at least the smallest positive floating-point number, so that
    the descriptors of a constant channel are finite. The papers also compare these six descriptors
    with those of ``log(x**2)``; this function does not.

    Parameters
    ----------
    windows : array_like, shape (…, n_channels, n_samples)
        Any unit; at least three samples.
    power : float
        Exponent of the normalisation (lambda in the papers).

    Returns
    -------
    ndarray, shape (…, n_channels, 6)
        The six descriptors, no unit.
    """
    x = as_windows(windows, 3)
    first = differences(x)
    second = differences(first)
    m0, m2, m4 = (
        np.sqrt(total(np.square(signal))) ** x.dtype.type(power) / x.dtype.type(power)
        for signal in (x, first, second)
    )
    to_m2, to_m4 = np.abs(m0 - m2), np.abs(m0 - m4)
    descriptors = [
        m0,
        to_m2,
        to_m4,
        ratio(m0, np.sqrt(to_m2) * np.sqrt(to_m4)),
        ratio(m2, np.sqrt(m0 * m4)),
        ratio(total(np.abs(first)), total(np.abs(second))),
    ]
    stacked = np.stack(descriptors, axis=-1)
    result: Floats = np.log(np.maximum(stacked, np.finfo(x.dtype).tiny))
    return result
