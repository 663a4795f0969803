"""Blocks of frames equal the frames decoded one by one, for all kinds of bags."""

from __future__ import annotations

import numpy as np
import pytest
from mcap.writer import CompressionType, Writer
from support.bags import EMG, START_NS, STORE, fill_mcap, frame, header, label, protocol, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.signals import sample_time_ns
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.storage.mcap_messages import files_in_order

RNG = np.random.default_rng(0)
CUES = [(0, 'rest', 1.0), (1, 'fist', 1.0)]


def comparable(chunks):
    """Return the fields of chunks as comparable tuples."""
    return [
        (c.first_sample, c.stamp_ns, c.sampling_rate, c.data.shape, c.data.tobytes())
        for c in chunks
    ]


def assert_equal_chunks(path, stream='emg'):
    """Assert that chunks and blocks have the same content and count of malformed messages."""
    one, many = Session(path), Session(path)
    expected = comparable(one.chunks(stream))
    found = comparable(chunk for block in many.blocks(stream) for chunk in block.chunks())
    assert found == expected
    assert expected
    assert many.malformed == one.malformed
    return one


def irregular_items():
    """Return messages of a stream with losses, malformed messages and format changes."""
    items, first, channels = [], 0, 2
    for number in range(600):
        event = RNG.random()
        length = 20 if event < 0.9 else int(RNG.integers(1, 50))
        data = RNG.normal(size=(length, channels))
        if event > 0.98:
            data[0, 0] = np.inf
        message, stamp_ns = frame(first, data)
        at_ns = START_NS + number * 10**7
        if 0.90 < event < 0.91:
            message = message[:-8]  # truncated
        elif 0.91 < event < 0.92:
            message, _ = frame(first, RNG.normal(size=(9, 1)), channels=4)  # incomplete samples
        elif 0.92 < event < 0.93:
            first += 7
        elif 0.93 < event < 0.94:
            channels += 1
        elif 0.94 < event < 0.95:
            renamed = STORE.types['std_msgs/msg/Header'](header(stamp_ns).stamp, 'elsewhere')
            flat = data.astype(np.float32).ravel()
            other = STORE.types[EMG](renamed, first, 2000.0, channels, flat)
            message = bytes(STORE.serialize_cdr(other, EMG))
        elif 0.95 < event < 0.96:
            items.append(('/label', label(1, 'fist', stamp_ns), at_ns))
        items.append(('/emg', message, at_ns))
        first += length
    return items


def test_blocks_of_a_session(tmp_path):
    assert_equal_chunks(write(tmp_path / 's', protocol(CUES, lose=(800, 900))))


def test_blocks_of_an_irregular_stream(tmp_path):
    session = assert_equal_chunks(write(tmp_path / 's', irregular_items()))
    assert session.malformed['/emg'] > 3


@pytest.mark.parametrize('compression', list(CompressionType))
@pytest.mark.parametrize('chunk_size', [3000, 2**20])
def test_blocks_of_foreign_files(tmp_path, compression, chunk_size):
    file = tmp_path / 'a.mcap'
    with file.open('wb') as stream:
        writer = Writer(stream, chunk_size=chunk_size, compression=compression)
        writer.start(profile='ros2', library='')
        fill_mcap(writer, irregular_items())
    assert [found.path for found in files_in_order(file)] == [file]
    assert_equal_chunks(file)


def test_blocks_of_a_file_with_overlapping_chunks_are_in_time_order(tmp_path):
    items = protocol(CUES)
    items = items[50:] + items[:50]
    file = tmp_path / 'a.mcap'
    with file.open('wb') as stream:
        writer = Writer(stream, chunk_size=3000)
        writer.start(profile='ros2', library='')
        fill_mcap(writer, items)
    assert files_in_order(file) == []
    assert_equal_chunks(file)


def test_blocks_of_a_chunk_with_unsorted_messages(tmp_path):
    items = protocol(CUES)
    items[10], items[12] = items[12], items[10]
    assert_equal_chunks(write(tmp_path / 's', items))


def test_blocks_of_frames_without_frame_id(tmp_path):
    items = []
    for first in range(0, 2000, 20):
        stamp_ns = sample_time_ns(START_NS, first, 2000.0)
        unnamed = STORE.types['std_msgs/msg/Header'](header(stamp_ns).stamp, '')
        data = RNG.normal(size=40).astype(np.float32)
        message = STORE.types[EMG](unnamed, first, 2000.0, 2, data)
        items.append(('/emg', bytes(STORE.serialize_cdr(message, EMG)), stamp_ns))
    session = assert_equal_chunks(write(tmp_path / 's', items))
    assert max(block.n_chunks for block in session.blocks('emg')) == 100


def test_damaged_chunk_raises_an_error(tmp_path):
    path = write(tmp_path / 's', protocol(CUES))
    file = path / 's_0.mcap'
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(SessionError, match='Cannot read .* to its end'):
        list(Session(path).blocks('emg'))
