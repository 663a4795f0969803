"""Decode the samples in the bytes that a device sends, sample-major, without copies in Python."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.signals import Samples

__all__ = ['ByteOrder', 'decode_int16', 'decode_int24', 'encode_int16', 'encode_int24', 'to_volt']

ByteOrder = Literal['big', 'little']
Counts = NDArray[np.int16] | NDArray[np.int32]
"""Samples in steps of the converter, shape (n_samples, n_channels)."""


def decode_int16(data: Any, n_channels: int, order: ByteOrder) -> NDArray[np.int16]:
    """Return 16-bit samples.

    Parameters
    ----------
    data : bytes-like
        Whole instants: a multiple of ``2 * n_channels`` bytes.
    n_channels : int
        Values per instant.
    order : str
        Byte order.

    Returns
    -------
    ndarray of int16, shape (n_samples, n_channels)
    """
    values = np.frombuffer(data, '>i2' if order == 'big' else '<i2').reshape(-1, n_channels)
    return values.astype(np.int16)


def decode_int24(data: Any, n_channels: int, order: ByteOrder) -> NDArray[np.int32]:
    """Return 24-bit samples; the arguments are those of `decode_int16`.

    Returns
    -------
    ndarray of int32, shape (n_samples, n_channels)
    """
    triples = np.frombuffer(data, np.uint8).reshape(-1, n_channels, 3)
    wide = np.zeros((*triples.shape[:2], 4), np.uint8)
    # The three bytes become the upper ones of four, so that the shift extends the sign.
    wide[..., 1:] = triples if order == 'little' else triples[..., ::-1]
    shifted: NDArray[np.int32] = wide.view('<i4')[..., 0].astype(np.int32) >> 8
    return shifted


def encode_int16(samples: NDArray[Any], order: ByteOrder) -> bytes:
    """Return the bytes that `decode_int16` decodes; values out of range are limited."""
    limited = np.clip(samples, -(2**15), 2**15 - 1)
    return bytes(limited.astype('>i2' if order == 'big' else '<i2').tobytes())


def encode_int24(samples: NDArray[Any], order: ByteOrder) -> bytes:
    """Return the bytes that `decode_int24` decodes; values out of range are limited."""
    limited = np.clip(samples, -(2**23), 2**23 - 1)
    triples = limited.astype('<i4').view(np.uint8).reshape(*limited.shape, 4)[..., :3]
    return bytes((triples if order == 'little' else triples[..., ::-1]).tobytes())


def to_volt(counts: Counts, volt_per_count: float) -> Samples:
    """Return samples in volt, float32, of the same shape.

    Every value of 24 bits is exact in float32, so that the product is rounded once.
    """
    return np.multiply(counts, np.float32(volt_per_count), dtype=np.float32)
