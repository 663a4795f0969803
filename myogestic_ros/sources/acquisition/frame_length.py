"""Find the length of the frames in a stream of bytes by the counter that each of them holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myogestic_ros.sources.acquisition.sample_formats import ByteOrder

__all__ = ['IDENTIFYING_FRAMES', 'find_frame_length']

IDENTIFYING_FRAMES = 64
"""Number of frames that tell the length."""
FITTING_SHARE = 0.9
"""Share of the counter's steps that must be 1; the others are lost samples."""
COUNTER_VALUES = 2**16


def find_frame_length(
    data: bytes, lengths: Sequence[int], counter_end: int = 0, order: ByteOrder = 'big'
) -> int | None:
    """Return the length that fits, or None.

    Parameters
    ----------
    data : bytes
        Beginning of a stream; it begins with a whole frame.
    lengths : sequence of int
        Possible lengths in bytes, the likeliest first.
    counter_end : int
        Number of bytes of a frame after its counter of 16 bits.
    order : str
        Byte order of the counter.
    """
    for length in lengths:
        frames = np.frombuffer(data[: len(data) - len(data) % length], np.uint8)
        end = length - counter_end
        pairs = frames.reshape(-1, length)[:, end - 2 : end].astype(np.int64)
        high, low = (0, 1) if order == 'big' else (1, 0)
        counters = pairs[:, high] * 256 + pairs[:, low]
        steps = (counters[1:] - counters[:-1]) % COUNTER_VALUES
        if len(steps) and np.mean(steps == 1) >= FITTING_SHARE:
            return length
    return None
