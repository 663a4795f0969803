"""Decompress the chunks of recordings of others within limits of their size.

A chunk of 65 kB may expand to gigabytes. The libraries that read bags decompress it whole, and trust
the size that it declares, or none.
"""

from __future__ import annotations

import shutil
import tempfile
import zlib
from pathlib import Path
from typing import IO, Any

import lz4.frame
import zstandard
from mcap.records import Chunk
from rosbags.rosbag2 import storage_mcap

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.limits import MAX_CHUNK, expanded_bytes

__all__ = ['check_compressed_file', 'chunk_data', 'decompress']

PIECE_BYTES = 2**20


def decompress(data: bytes, compression: str) -> bytes:
    """Return decompressed data.

    Parameters
    ----------
    data : bytes
        Compressed data.
    compression : str
        ``'zstd'``, ``'lz4'``, or ``''`` for none.

    Raises
    ------
    SessionError
        If the data expands to more than the limit.
    ValueError, RuntimeError, zstandard.ZstdError
        If the data is damaged, or the compression is not supported.
    """
    if not compression:
        return data
    if compression not in ('zstd', 'lz4'):
        raise ValueError(f"compression '{compression}' is not supported")
    limit, reason = expanded_bytes(len(data), MAX_CHUNK)
    pieces: list[bytes] = []
    size = 0
    for piece in _zstd_pieces(data) if compression == 'zstd' else _lz4_pieces(data):
        size += len(piece)
        if size > limit:
            raise SessionError(
                f'a {compression} chunk of {len(data)} bytes expands to more than {reason}'
            )
        pieces.append(piece)
    return b''.join(pieces)


def _zstd_pieces(data: bytes) -> Any:
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece


def _lz4_pieces(data: bytes) -> Any:
    decompressor = lz4.frame.LZ4FrameDecompressor()
    piece = decompressor.decompress(data, max_length=PIECE_BYTES)
    while piece or not (decompressor.eof or decompressor.needs_input):
        yield piece
        if decompressor.eof:
            return
        piece = decompressor.decompress(b'', max_length=PIECE_BYTES)
    if not decompressor.eof:
        raise ValueError('the lz4 data is truncated')


def chunk_data(chunk: Chunk) -> bytes:
    """Return the records of an MCAP chunk after checking their size and checksum.

    Raises
    ------
    SessionError
        If the chunk expands to more than the limit.
    ValueError, RuntimeError, zstandard.ZstdError
        If the chunk is damaged.
    """
    data = decompress(chunk.data, chunk.compression)
    if chunk.compression and len(data) != chunk.uncompressed_size:
        raise ValueError(f'the chunk has {len(data)} bytes, expected {chunk.uncompressed_size}')
    if chunk.uncompressed_crc and zlib.crc32(data) != chunk.uncompressed_crc:
        raise ValueError('the checksum of the chunk is wrong')
    return data


def check_compressed_file(file: Path) -> None:
    """Check that a ``.zstd`` file of a bag, decompressed to a temporary folder, is not too large.

    Raises
    ------
    SessionError
        If it expands to more than the limit of the ratio, or than the free disk space.
    OSError, zstandard.ZstdError
        If it cannot be read.
    """
    limit, reason = expanded_bytes(file.stat().st_size)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < limit:
        limit, reason = free, f'the {free / 2**20:.0f} MiB free in {tempfile.gettempdir()}'
    size = 0
    with file.open('rb') as compressed, _zstd_stream(compressed) as stream:
        while piece := stream.read(PIECE_BYTES):
            size += len(piece)
            if size > limit:
                raise SessionError(f'{file.name} expands to more than {reason}')


def _zstd_stream(file: IO[bytes]) -> Any:
    return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)


# rosbags decompresses a chunk whole, whatever its size, by the functions in this table.
storage_mcap.DECOMPRESSORS['zstd'] = lambda data, _: decompress(data, 'zstd')
storage_mcap.DECOMPRESSORS['lz4'] = lambda data, _: decompress(data, 'lz4')
