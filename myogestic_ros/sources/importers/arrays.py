"""Recordings as arrays: NPZ files and MATLAB's."""

from __future__ import annotations

import importlib
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.streams.chunk_validator import MAX_CHANNELS
from myogestic_ros.sources.importers.mapping import RecordingFormat

__all__ = ['select_array', 'read_arrays', 'select_samples']

USUAL = {
    'samples': ('emg', 'data'),
    'labels': ('labels', 'restimulus', 'stimulus'),
    'repetitions': ('repetitions', 'rerepetition', 'repetition'),
}
"""Names that are tried when the mapping gives none; Ninapro's among them."""


MANY_CHANNELS = 512
"""More channels than this, and than samples, are samples."""


def read_arrays(file: Path) -> dict[str, Any]:
    """Return the arrays of an NPZ file or the variables of a MATLAB file, by name.

    Raises
    ------
    SourceError
        When it cannot be read.
    """
    try:
        if file.suffix == '.npz':
            with np.load(file) as content:
                return {name: content[name] for name in content.files}
        return _read_mat(file)
    except SourceError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(f'{file} cannot be read: {error}') from error
    except Exception as error:  # a damaged file makes its reader raise all kinds
        raise SourceError(f'{file} cannot be read: {error!r}') from error


def _read_mat(file: Path) -> dict[str, Any]:
    import scipy.io  # here, for a driver to start without it

    try:
        content = scipy.io.loadmat(file, simplify_cells=True)
    except NotImplementedError:  # version 7.3 is HDF5
        return _read_hdf5(file)
    return {name: value for name, value in content.items() if not name.startswith('__')}


def _read_hdf5(file: Path) -> dict[str, Any]:
    try:
        h5py: Any = importlib.import_module('h5py')
    except ImportError:
        raise SourceError(
            f'{file} is a MATLAB file of version 7.3, which takes h5py to read: pip install h5py, '
            f"or save it in MATLAB with save(…, '-v7')."
        ) from None

    def plain(node: Any) -> Any:
        if isinstance(node, h5py.Group):
            return {name: plain(child) for name, child in node.items() if name != '#refs#'}
        value = node[()]
        if (
            isinstance(value, np.ndarray) and value.dtype.kind == 'O' and value.size
        ):  # a cell: what it refers to
            cells = [plain(node.file[reference]) for reference in value.ravel()]
            return cells[0] if len(cells) == 1 else cells
        return np.asarray(value).T  # MATLAB counts columns first

    with h5py.File(file, 'r') as content:
        return {name: plain(node) for name, node in content.items() if not name.startswith('#')}


def select_array(
    file: Path, arrays: dict[str, Any], kind: str, layout: RecordingFormat
) -> tuple[str, Any]:
    """Return the array that the mapping names for 'samples', 'labels' or 'repetitions', else ('', None).

    A name leads into structs and cells: ``p.sequence``, ``Data[0]``.

    Raises
    ------
    SourceError
        When the mapping names one that is not there.
    """
    name = getattr(layout, kind)
    if not name:
        usual = next((name for name in USUAL[kind] if name in arrays), '')
        return usual, arrays.get(usual)
    value: Any = arrays
    for word in re.findall(r'[^.\[\]]+', name):
        try:
            value = value[int(word)] if isinstance(value, list | np.ndarray) else value[word]
        except (KeyError, IndexError, ValueError, TypeError):
            raise SourceError(
                f"{file} has no '{name}' ({kind}); it holds {told(arrays)}."
            ) from None
    return name, value


def told(arrays: dict[str, Any]) -> str:
    """Return in words what a file holds."""
    held = []
    for name, value in arrays.items():
        if isinstance(value, dict):
            held.append(f'{name} with {", ".join(value)}')
        elif isinstance(value, np.ndarray):
            held.append(f'{name} {value.shape} {value.dtype}')
        else:
            held.append(f'{name} ({type(value).__name__})')
    return ', '.join(held) or 'nothing'


def select_samples(file: Path, arrays: dict[str, Any], layout: RecordingFormat) -> NDArray[Any]:
    """Return the samples as they stand in the file, shape (n_samples, n_channels).

    Raises
    ------
    SourceError
        When there are none, or they are not finite numbers.
    """
    _, value = select_array(file, arrays, 'samples', layout)
    if value is None and not layout.samples and (only := _only_table(arrays)):
        value = arrays[only]
    emg: NDArray[Any] = np.asarray(value) if value is not None else np.zeros(0)
    if emg.ndim == 1 and emg.size:
        emg = emg[:, np.newaxis]
    if emg.ndim == 2 and layout.channels_first:
        emg = emg.T
    if emg.ndim != 2 or emg.dtype.kind not in 'iuf' or not emg.size:
        raise SourceError(
            f"{file} holds {told(arrays)}; expected an array 'emg' or 'data' (or the one that the "
            f'mapping names as samples) of numbers of shape (n_samples, n_channels), and perhaps '
            f"'labels' of shape (n_samples,)."
        )
    if emg.shape[1] > max(MANY_CHANNELS, emg.shape[0]) or emg.shape[1] > MAX_CHANNELS:
        raise SourceError(
            f'{file} would have {emg.shape[1]} channels of {emg.shape[0]} samples, expected '
            f'(n_samples, n_channels); when it is the other way round, set channels_first: true.'
        )
    if not set(layout.channels) <= set(range(emg.shape[1])):
        raise SourceError(
            f'{file} has {emg.shape[1]} channels, expected {list(layout.channels)} among them.'
        )
    used: NDArray[Any] = emg[:, list(layout.channels) or slice(None)]
    bad = np.flatnonzero(~np.isfinite(used).all(axis=1))
    if len(bad):
        raise SourceError(
            f'{file}, sample {bad[0]}: expected finite numbers; {len(bad)} samples hold others.'
        )
    return used


def _only_table(arrays: dict[str, Any]) -> str:
    """Return the name of the only array that can be the samples."""
    tables = [
        name
        for name, value in arrays.items()
        if isinstance(value, np.ndarray)
        and value.ndim == 2
        and value.dtype.kind in 'iuf'
        and min(value.shape) > 1
    ]
    return tables[0] if len(tables) == 1 else ''
