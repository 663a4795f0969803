"""Models on disk: a joblib file each, and beside it a manifest that says what it is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models.compatibility import incompatibility_of
from myogestic_ros.core.models.serialization import load_pickle, save_pickle
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = ['Manifest', 'ModelStore', 'unfit_reason']

FORMAT = 'myogestic_ros/model/1'
NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,120}')
MAX_MANIFEST_BYTES = 4_000_000
"""A larger file is no manifest."""


@dataclass(frozen=True)
class Manifest:
    """What a model is: see each field's name. ``window_ms``, rate and channels are per stream."""

    decoder: str
    streams: list[StreamSpec]
    predict_hz: float
    hop_ms: float
    class_names: list[str]
    sessions: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    created: str = ''
    sha256: str = ''
    versions: dict[str, str] = field(default_factory=dict)
    format: str = FORMAT

    def to_text(self) -> str:
        """Return the JSON text of the manifest."""
        return json.dumps(asdict(self), indent=2, default=_plain) + '\n'

    @classmethod
    def from_text(cls, text: str) -> Manifest:
        """Return the manifest in a JSON text; raises ValueError, TypeError, KeyError."""
        values = json.loads(text)
        values['streams'] = [StreamSpec(**stream) for stream in values['streams']]
        manifest = cls(**values)
        if manifest.format != FORMAT:
            raise ValueError(f'format is {manifest.format!r}, expected {FORMAT!r}')
        manifest._check_types()
        return manifest

    def _check_types(self) -> None:
        number, optional = (int, float), (int, float, type(None))
        rows: list[tuple[str, Any, Any]] = [
            *((name, getattr(self, name), str) for name in ('decoder', 'sha256')),
            *((name, getattr(self, name), number) for name in ('predict_hz', 'hop_ms')),
            *((name, getattr(self, name), list) for name in ('class_names', 'sessions')),
            *((name, getattr(self, name), dict) for name in ('parameters', 'scores', 'versions')),
            *(('a class name', name, str) for name in self.class_names),
        ]
        for stream in self.streams:
            rows += [
                ('the name of a stream', stream.name, str),
                ('window_ms', stream.window_ms, number),
                ('channels', stream.channels, (int, type(None))),
                ('sampling_rate', stream.sampling_rate, optional),
            ]
        for what, value, kinds in rows:
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ValueError(f'{what} is {value!r:.60}')


def _plain(value: Any) -> Any:
    """Return what JSON can hold for a NumPy value, or whatever else a decoder put there."""
    return value.tolist() if hasattr(value, 'tolist') else str(value)


def _versions() -> dict[str, str]:
    found = {'python': platform.python_version()}
    for package in ('numpy', 'scikit-learn', 'joblib'):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def unfit_reason(manifest: Manifest, live: Sequence[StreamSpec]) -> str | None:
    """Return why a model cannot work on the streams as they are now, in a sentence; else None."""
    return incompatibility_of(manifest.streams, live)


class ModelStore:
    """A folder of models.

    A pickle runs code when it is loaded. So a model is loaded only by name, only from this
    folder, and only when it is byte for byte what its manifest says was saved.

    Parameters
    ----------
    folder : Path
        Where the models lie; made when the first one is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Return the names of the models that have a manifest, oldest first."""
        files = [
            file
            for file in self.folder.glob('*.json')
            if _allowed(file.stem) and file.is_file() and self._file(file.stem).is_file()
        ]
        return [file.stem for file in sorted(files, key=_age)]

    def newest(self) -> str:
        """Return the name of the model that was saved last.

        Raises
        ------
        ModelError
            When there is none.
        """
        names = self.names()
        if not names:
            raise ModelError(f'There is no model in {self.folder}; train one first.')
        return names[-1]

    def free_name(self, stem: str) -> str:
        """Return a name that says what and when, and that no model has yet."""
        stem = re.sub(r'\.{2,}', '.', re.sub(r'[^A-Za-z0-9._-]+', '-', stem))
        stem = stem.strip('._-') or 'model'
        stem = f'{stem[:60]}_{datetime.now().strftime("%Y-%m-%d_%H-%M-%S")}'
        name, count = stem, 1
        while any(self._file(name).with_suffix(end).exists() for end in ('.joblib', '.json')):
            count += 1
            name = f'{stem}-{count}'
        return name

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a model.

        Raises
        ------
        ModelError
            When there is no such model, or its manifest cannot be read.
        """
        file = self._existing(name).with_name(f'{name}.json')
        try:
            self._check_inside(file, name)
            if file.stat().st_size > MAX_MANIFEST_BYTES:
                raise ValueError(f'it is larger than {MAX_MANIFEST_BYTES} bytes')
            return Manifest.from_text(file.read_text())
        except FileNotFoundError:
            raise ModelError(
                f"Model '{name}' has no manifest ({name}.json): it was not saved by this "
                f'package, so it is not loaded.'
            ) from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ModelError(
                f"The manifest of model '{name}' cannot be read ({error}); it is not loaded."
            ) from error

    def save(
        self,
        name: str,
        model: Any,
        manifest: Manifest,
        dump: Callable[[Any, str], Any] = save_pickle,
    ) -> Manifest:
        """Save a model under a new name; return its manifest as written.

        Nothing is overwritten; the model counts as saved once its manifest is there.

        Raises
        ------
        ModelError
            When the name is taken or not allowed, or the model cannot be written.
        """
        file = self._file(name)
        manifest_file = file.with_name(f'{name}.json')
        if manifest_file.exists():
            raise ModelError(f"There is a model '{name}' already; choose another name.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            dump(model, str(file))
            written = Manifest(
                **{
                    **manifest.__dict__,
                    'sha256': hashlib.sha256(file.read_bytes()).hexdigest(),
                    'created': datetime.now(timezone.utc).isoformat(timespec='seconds'),
                    'versions': _versions(),
                }
            )
            temporary = manifest_file.with_name(f'.{name}.json.{os.getpid()}.tmp')
            temporary.write_text(written.to_text())
            os.replace(temporary, manifest_file)
        except Exception as error:
            raise ModelError(
                f"Model '{name}' cannot be saved in {self.folder}: {type(error).__name__}: {error}"
            ) from error
        return written

    def load(
        self,
        name: str,
        live: Sequence[StreamSpec],
        load: Callable[[str], Any] = load_pickle,
    ) -> tuple[Any, Manifest]:
        """Check a model, then load it.

        Parameters
        ----------
        name : str
            Name in the store.
        live : sequence of StreamSpec
            The streams that it is to work on.
        load : callable
            Reads the model from a path.

        Raises
        ------
        ModelError
            When it is refused; nothing of it has run then, unless it failed while loading.
        """
        manifest = self.manifest(name)
        try:
            content = self._existing(name).read_bytes()
        except OSError as error:
            raise ModelError(f"Model '{name}' cannot be read: {error}.") from error
        if hashlib.sha256(content).hexdigest() != manifest.sha256:
            raise ModelError(
                f"Model '{name}' is not what was saved (its sha256 differs from the manifest's); "
                f'it is not loaded.'
            )
        reason = unfit_reason(manifest, live)
        if reason is not None:
            raise ModelError(f"Model '{name}' does not fit: {reason}")
        with tempfile.TemporaryDirectory(prefix='myogestic-model-') as private:
            checked = Path(private, f'{name}.joblib')  # exactly the bytes that were checked
            checked.write_bytes(content)
            try:
                return load(str(checked)), manifest
            except Exception as error:
                raise ModelError(
                    f"Model '{name}' cannot be loaded: {type(error).__name__}: {error}. It was "
                    f'saved with {manifest.versions}; is its decoder, {manifest.decoder}, the '
                    f'one in use?'
                ) from error

    def _file(self, name: str) -> Path:
        if not _allowed(name):
            raise ModelError(
                f'{name!r} is no model name: expected letters, digits, ".", "_" and "-", no path.'
            )
        return self.folder / f'{name}.joblib'

    def _existing(self, name: str) -> Path:
        file = self._file(name)
        if not file.exists():
            known = ', '.join(self.names()) or 'none'
            raise ModelError(f"There is no model '{name}' in {self.folder}; there are: {known}.")
        self._check_inside(file, name)
        return file

    def _check_inside(self, file: Path, name: str) -> None:
        if file.resolve().parent != self.folder.resolve() or file.is_symlink():
            raise ModelError(f"Model '{name}' is a link out of {self.folder}; it is not loaded.")
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise ModelError(f"Model '{name}' is no file in {self.folder}; it is not loaded.")


def _allowed(name: str) -> bool:
    return NAME.fullmatch(name) is not None and '..' not in name


def _age(file: Path) -> tuple[float, str]:
    with contextlib.suppress(OSError):  # it may be deleted meanwhile
        return file.stat().st_mtime, file.name
    return 0.0, file.name
