"""Decoding of samples: known bytes, and bytes that encode what they decode to."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.sources.acquisition.sample_formats import (
    decode_int16,
    decode_int24,
    encode_int16,
    encode_int24,
    to_volt,
)


def test_known_bytes_of_16_bits():
    data = bytes.fromhex('0001 FFFF 0064 7FFF 8000 0DA7')
    assert decode_int16(data, 3, 'big').tolist() == [[1, -1, 100], [32767, -32768, 3495]]
    assert decode_int16(bytes.fromhex('E803 FFFF 0080'), 1, 'little').ravel().tolist() == [
        *(1000, -1, -32768)
    ]


def test_known_bytes_of_24_bits():
    data = bytes.fromhex('0003E8 FFFFFE 7FFFFF 800000')
    assert decode_int24(data, 2, 'big').tolist() == [[1000, -2], [2**23 - 1, -(2**23)]]
    assert decode_int24(bytes.fromhex('E80300 FEFFFF'), 2, 'little').tolist() == [[1000, -2]]


@pytest.mark.parametrize('order', ['big', 'little'])
@pytest.mark.parametrize(
    ('encode', 'decode', 'limit'),
    [(encode_int16, decode_int16, 2**15), (encode_int24, decode_int24, 2**23)],
)
def test_encoded_samples_decode_to_themselves(order, encode, decode, limit):
    samples = np.random.default_rng(0).integers(-limit, limit, (50, 7))
    assert np.array_equal(decode(encode(samples, order), 7, order), samples)
    beyond = np.array([[2 * limit, -2 * limit]])
    assert decode(encode(beyond, order), 2, order).tolist() == [[limit - 1, -limit]]


def test_volts_are_exact_to_the_last_digit_of_float32():
    counts = np.arange(-(2**23), 2**23, 997, dtype=np.int32)[:, None]
    volts = to_volt(counts, 286.1e-9)
    assert volts.dtype == np.float32
    np.testing.assert_allclose(volts, counts * 286.1e-9, rtol=2e-7)
