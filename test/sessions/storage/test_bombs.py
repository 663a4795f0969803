"""Recordings of others that expand to gigabytes are refused with the limit, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO

import lz4.frame
import pytest
import zstandard
from mcap.data_stream import RecordBuilder
from mcap.reader import make_reader
from mcap.records import Chunk
from mcap.writer import CompressionType, Writer
from support.bags import fill_mcap, protocol, write

from myogestic_ros.core.errors import SessionError
from myogestic_ros.core.limits import MAX_CHUNK, MAX_RATIO
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.recording.repair import repair_session

ITEMS = protocol([(0, 'rest', 0.5), (1, 'fist', 0.5)])
SIZE = 2**31


def bomb(compression, size=SIZE):
    """Return compressed zeros."""
    if compression == 'zstd':
        compressor = zstandard.ZstdCompressor(level=3).compressobj(size=size)
        pieces = [compressor.compress(bytes(2**24)) for _ in range(size // 2**24)]
        return b''.join([*pieces, compressor.flush()])
    compressor = lz4.frame.LZ4FrameCompressor()
    pieces = [compressor.begin()]
    pieces += [compressor.compress(bytes(2**24)) for _ in range(size // 2**24)]
    return b''.join([*pieces, compressor.flush()])


@pytest.fixture(scope='module')
def bombs():
    return {'zstd': bomb('zstd'), 'lz4': bomb('lz4', 2**29)}


def mcap(path, compression, data, size):
    """Write a session as this package does, with a chunk of others at its end."""
    write(path, ITEMS)
    file = next(path.glob('*.mcap'))
    raw = file.read_bytes()
    with file.open('rb') as stream:
        end = make_reader(stream).get_summary().chunk_indexes[-1]
    builder = RecordBuilder()
    Chunk(compression, data, 0, 0, 0, size).write(builder)
    cut = end.chunk_start_offset + end.chunk_length
    file.write_bytes(raw[:cut] + builder.end())
    (path / 'metadata.yaml').unlink()
    return path


PROBE = """
import json, resource, sys
from pathlib import Path
from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.quality.check import check_session
from myogestic_ros.sessions.recording.repair import repair_session
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path, action = Path(sys.argv[1]), sys.argv[2]
message = ''
try:
    if action == 'read':
        for _ in Session(path).chunks('emg'): pass
    elif action == 'check':
        message = check_session(path)[0].message
    else:
        repair_session(path)
except MyoGesticError as error:
    message = str(error)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([message, (peak - before) / 1024]))
"""


def probe(path, action):
    """Return the error message of an action and the memory that it took, MiB."""
    result = subprocess.run(
        [sys.executable, '-c', PROBE, path, action], capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize('action', ['read', 'check', 'repair'])
@pytest.mark.parametrize('compression', ['zstd', 'lz4'])
def test_a_chunk_that_expands_to_gigabytes_is_refused(tmp_path, bombs, compression, action):
    data = bombs[compression]
    path = mcap(tmp_path / 's', compression, data, SIZE)
    message, memory_mib = probe(path, action)
    assert f'a {compression} chunk of {len(data)} bytes expands to more than' in message
    assert MAX_CHUNK.variable in message or MAX_RATIO.variable in message
    assert memory_mib < 2.5 * MAX_CHUNK.value


def test_a_chunk_that_declares_a_small_size_is_damaged(tmp_path, bombs):
    path = mcap(tmp_path / 's', 'lz4', bombs['lz4'][:100_000], 100)
    assert repair_session(path).repaired


@pytest.mark.parametrize('compression', [CompressionType.ZSTD, CompressionType.LZ4])
def test_compressed_bags_of_others_are_read_as_before(tmp_path, compression):
    stream = BytesIO()
    writer = Writer(stream, compression=compression, chunk_size=20_000)
    writer.start(profile='ros2')
    fill_mcap(writer, ITEMS)
    (tmp_path / 's.mcap').write_bytes(stream.getvalue())
    chunks = list(Session(tmp_path / 's.mcap').chunks('emg'))
    assert sum(chunk.n_samples for chunk in chunks) == 2000
    (tmp_path / 'cut.mcap').write_bytes(stream.getvalue()[:-2000])
    assert len(list(Session(tmp_path / 'cut.mcap').chunks('emg'))) >= len(chunks) - 30


def test_the_limit_is_changed_by_its_variable(tmp_path, monkeypatch):
    stream = BytesIO()
    writer = Writer(stream, compression=CompressionType.ZSTD)
    writer.start(profile='ros2')
    fill_mcap(writer, ITEMS)
    (tmp_path / 's.mcap').write_bytes(stream.getvalue())
    monkeypatch.setenv(MAX_CHUNK.variable, '0.001')
    with pytest.raises(SessionError, match=f'more than 0.001 MiB .set {MAX_CHUNK.variable} to al'):
        list(Session(tmp_path / 's.mcap').chunks('emg'))
    monkeypatch.setenv(MAX_CHUNK.variable, '1')
    assert list(Session(tmp_path / 's.mcap').chunks('emg'))


def test_a_compressed_file_that_expands_to_gigabytes_is_refused(tmp_path, bombs):
    path = write(tmp_path / 's', ITEMS)
    file = next(path.glob('*.mcap'))
    compressed = file.with_name(f'{file.name}.zstd')
    compressed.write_bytes(bombs['zstd'])
    file.unlink()
    text = (path / 'metadata.yaml').read_text().replace(file.name, compressed.name)
    text = text.replace("compression_format: ''", 'compression_format: zstd')
    text = text.replace("compression_mode: ''", 'compression_mode: FILE')
    (path / 'metadata.yaml').write_text(text)
    with pytest.raises(SessionError, match=f'{compressed.name} expands to more than'):
        Session(path)


@pytest.mark.parametrize(
    'text',
    [
        '[' * 20_000,
        'a: ' * 3000,
        'rosbag2_bagfile_information: {a0: &a0 [x, x, x, x, x, x, x, x, x, x], '
        + ', '.join(f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]' for n in range(1, 10))
        + '}',
    ],
    ids=['nesting', 'mappings', 'aliases'],
)
def test_metadata_that_expands_or_nests_is_not_read_but_its_messages_are(tmp_path, text):
    path = write(tmp_path / 's', ITEMS, ('rest', 'fist'))
    (path / 'metadata.yaml').write_text(text)
    session = Session(path)
    assert sum(chunk.n_samples for chunk in session.chunks('emg')) == 2000
    assert repair_session(path).repaired
    assert Session(path).info.class_names == ('rest', 'fist')
