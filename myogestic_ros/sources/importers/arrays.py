"""Read recordings from NPZ and MATLAB files."""

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

__all__ = ['read_arrays', 'select_array', 'select_channels', 'select_samples']

DEFAULT_NAMES = {
    'samples': ('emg', 'data'),
    'labels': ('labels', 'restimulus', 'stimulus'),
    'repetitions': ('repetitions', 'rerepetition', 'repetition'),
}
"""Array names to try if the mapping names none; those of Ninapro are among them."""

MANY_CHANNELS = 512
"""An array with more columns than this, and than rows, is taken for transposed."""


def read_arrays(file: Path) -> dict[str, Any]:
    """Return the arrays of an NPZ file or the variables of a MATLAB file, by name.

    Raises
    ------
    SourceError
        If the file cannot be read.
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
    except Exception as error:  # readers of damaged files raise many types
        raise SourceError(f'{file} cannot be read: {error!r}') from error


def _read_mat(file: Path) -> dict[str, Any]:
    import scipy.io  # a driver that replays no MATLAB file need not load SciPy

    try:
        content = scipy.io.loadmat(file, simplify_cells=True)
    except NotImplementedError:  # MATLAB 7.3 files are HDF5
        return _read_hdf5(file)
    return {name: value for name, value in content.items() if not name.startswith('__')}


def _read_hdf5(file: Path) -> dict[str, Any]:
    try:
        h5py: Any = importlib.import_module('h5py')
    except ImportError:
        raise SourceError(
            f'{file} is a MATLAB 7.3 file, which requires h5py: pip install h5py, or save the file '
            f"in MATLAB with save(…, '-v7')."
        ) from None

    def to_python(node: Any) -> Any:
        if isinstance(node, h5py.Group):
            return {name: to_python(child) for name, child in node.items() if name != '#refs#'}
        value = node[()]
        if (
            isinstance(value, np.ndarray) and value.dtype.kind == 'O' and value.size
        ):  # a cell array of references
            cells = [to_python(node.file[reference]) for reference in value.ravel()]
            return cells[0] if len(cells) == 1 else cells
        return np.asarray(value).T  # MATLAB stores columns first

    with h5py.File(file, 'r') as content:
        return {
            name: to_python(node) for name, node in content.items() if not name.startswith('#')
        }


def select_array(
    file: Path, arrays: dict[str, Any], kind: str, layout: RecordingFormat
) -> tuple[str, Any]:
    """Return name and content of the array with the samples, labels or repetitions.

    Parameters
    ----------
    file : Path
        The file, for error messages.
    arrays : dict
        Content of the file, from `read_arrays`.
    kind : {'samples', 'labels', 'repetitions'}
        Which array.
    layout : RecordingFormat
        Names of the arrays. A name may lead into structs and cells: ``p.sequence``, ``Data[0]``.

    Returns
    -------
    name : str
        Name of the array; '' if the mapping names none and no default name exists.
    array : object or None
        The array.

    Raises
    ------
    SourceError
        If the mapping names an array that does not exist.
    """
    name = getattr(layout, kind)
    if not name:
        default = next((name for name in DEFAULT_NAMES[kind] if name in arrays), '')
        return default, arrays.get(default)
    value: Any = arrays
    for word in re.findall(r'[^.\[\]]+', name):
        try:
            value = value[int(word)] if isinstance(value, list | np.ndarray) else value[word]
        except (KeyError, IndexError, ValueError, TypeError):
            raise SourceError(
                f"{file} has no '{name}' ({kind}); it contains {describe(arrays)}."
            ) from None
    return name, value


def describe(arrays: dict[str, Any]) -> str:
    """Return names, shapes and types of the arrays in a file, for error messages."""
    parts = []
    for name, value in arrays.items():
        if isinstance(value, dict):
            parts.append(f'{name} with {", ".join(value)}')
        elif isinstance(value, np.ndarray):
            parts.append(f'{name} {value.shape} {value.dtype}')
        else:
            parts.append(f'{name} ({type(value).__name__})')
    return ', '.join(parts) or 'nothing'


def select_samples(file: Path, arrays: dict[str, Any], layout: RecordingFormat) -> NDArray[Any]:
    """Return the samples in units of the file, shape ``(n_samples, n_channels)``.

    Raises
    ------
    SourceError
        If there are no samples, or the chosen channels contain values that are not finite.
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
            f"{file} contains {describe(arrays)}; expected an array 'emg' or 'data' (or the one that "
            f'the mapping names as samples) of numbers of shape (n_samples, n_channels), and '
            f"optionally 'labels' of shape (n_samples,)."
        )
    if emg.shape[1] > max(MANY_CHANNELS, emg.shape[0]) or emg.shape[1] > MAX_CHANNELS:
        raise SourceError(
            f'{file} has {emg.shape[1]} columns and {emg.shape[0]} rows, expected shape '
            f'(n_samples, n_channels); if it is (n_channels, n_samples), set channels_first: true.'
        )
    return select_channels(file, emg, layout)


def select_channels(file: Path, samples: NDArray[Any], layout: RecordingFormat) -> NDArray[Any]:
    """Return the channels that the format names, shape ``(n_samples, n_channels)``.

    Raises
    ------
    SourceError
        If a channel does not exist, or its samples are not finite.
    """
    if not set(layout.channels) <= set(range(samples.shape[1])):
        raise SourceError(
            f'{file} has {samples.shape[1]} channels, numbered from 0; expected the channels '
            f'{list(layout.channels)} of the mapping.'
        )
    used: NDArray[Any] = samples[:, list(layout.channels) or slice(None)]
    bad = np.flatnonzero(~np.isfinite(used).all(axis=1))
    if len(bad):
        raise SourceError(
            f'{file}, sample {bad[0]}: expected finite numbers; {len(bad)} samples contain NaN or '
            f'Inf.'
        )
    return used


def _only_table(arrays: dict[str, Any]) -> str:
    """Return the name of the array of samples if only one array has two dimensions, else ''."""
    tables = [
        name
        for name, value in arrays.items()
        if isinstance(value, np.ndarray)
        and value.ndim == 2
        and value.dtype.kind in 'iuf'
        and min(value.shape) > 1
    ]
    return tables[0] if len(tables) == 1 else ''
