"""Folder of saved models: a joblib file each, with a JSON manifest beside it."""

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
from myogestic_ros.core.models.compatibility import incompatibility
from myogestic_ros.core.models.leftovers import SAVING, locked_folder, remove_leftovers
from myogestic_ros.core.models.serialization import load_pickle, missing_name, save_pickle
from myogestic_ros.core.models.signing import ModelKey, read_key
from myogestic_ros.core.models.skops_format import load_skops, save_skops
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = ['FORMATS', 'Manifest', 'ModelStore', 'open_store']

FORMAT_NAME = 'myogestic_ros/model'
FORMAT = f'{FORMAT_NAME}/2'
"""Format of model file and manifest.

The number increases when models that were saved before can no longer be loaded: they are refused
with the request to train them again. Format 1 named internal modules; since format 2, model files
name `myogestic_ros.estimators` only.
"""

NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,120}')
MAX_MANIFEST_BYTES = 4_000_000
"""Maximum size of a manifest, bytes; a larger file is refused unread."""


FORMATS = ('joblib', 'skops')
SUFFIXES = tuple(f'.{name}' for name in FORMATS)
"""Suffixes of model files."""


class _OtherFormatError(ValueError):
    """The manifest was written by a version of this package with another model format."""


@dataclass(frozen=True)
class Manifest:
    """Description of a saved model, stored as JSON beside it.

    Attributes
    ----------
    decoder : str
        Decoder that the model belongs to: a name, a module or a file.
    streams : list of StreamSpec
        Streams that the model reads, with window (ms), channels, sampling rate (Hz) and filters.
    predict_hz : float
        Prediction rate, Hz.
    hop_ms : float
        Step between training windows, ms.
    class_names : list of str
        Class names by class index.
    sessions : list of str
        Names of the sessions that it was trained on.
    parameters : dict
        Further settings of the decoder.
    scores : dict of str to float
        Scores from training.
    created : str
        Time of saving, ISO 8601, UTC.
    sha256 : str
        Digest of the model file.
    versions : dict of str to str
        Versions of Python and of the libraries that the model depends on.
    format : str
        Format of model file and manifest, `FORMAT`.
    """

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
        """Return the manifest as JSON text."""
        return json.dumps(asdict(self), indent=2, default=_plain) + '\n'

    @classmethod
    def from_text(cls, text: str) -> Manifest:
        """Return the manifest in a JSON text.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError
            If the text is not a manifest of this format.
        """
        values = json.loads(text)
        found = values.get('format')
        if found != FORMAT:
            words = f'format {found!r:.60}, expected {FORMAT!r}'
            if isinstance(found, str) and found.startswith(f'{FORMAT_NAME}/'):
                raise _OtherFormatError(words)
            raise ValueError(words)
        values['streams'] = [StreamSpec(**stream) for stream in values['streams']]
        manifest = cls(**values)
        manifest._check_types()
        return manifest

    def _check_types(self) -> None:
        number, optional = (int, float), (int, float, type(None))
        rows: list[tuple[str, Any, Any]] = [
            *((name, getattr(self, name), str) for name in ('decoder', 'sha256', 'created')),
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
        for name, value, kinds in rows:
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ValueError(f'{name} is {value!r:.60}')


def _plain(value: Any) -> Any:
    """Return a JSON value for a NumPy value, and the text of any other object."""
    return value.tolist() if hasattr(value, 'tolist') else str(value)


def _versions() -> dict[str, str]:
    found = {'python': platform.python_version()}
    for package in ('numpy', 'scikit-learn', 'joblib'):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


class ModelStore:
    """Save, list and load the models in a folder.

    Loading a pickle executes code from it: whoever can write to the folder can run code in the
    process that loads a model. A model is loaded only by name, only from this folder, and only if the
    SHA-256 digest of the file is the one in its manifest; that protects against accidents. Against
    other people, a key does, which is kept in another folder, or the format skops.

    Parameters
    ----------
    folder : Path
        Folder of the models; created when the first model is saved.
    key : ModelKey, optional
        Key that signs the models that are saved, if it is a private key. Models without its
        signature are not loaded.
    model_format : {'joblib', 'skops'}
        Format of the models that are saved. With ``'skops'``, others are not loaded.
    """

    def __init__(
        self, folder: Path, key: ModelKey | None = None, model_format: str = 'joblib'
    ) -> None:
        self.folder = folder
        self.key = key
        self.model_format = model_format

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
            If the folder contains no model.
        """
        names = self.names()
        if not names:
            raise ModelError(f'There is no model in {self.folder}; train one first.')
        return names[-1]

    def free_name(self, stem: str) -> str:
        """Return a name of ``stem`` and the current time that no model has yet."""
        stem = re.sub(r'\.{2,}', '.', re.sub(r'[^A-Za-z0-9._-]+', '-', stem))
        stem = stem.strip('._-') or 'model'
        stem = f'{stem[:60]}_{datetime.now().strftime("%Y-%m-%d_%H-%M-%S")}'
        name, count = stem, 1
        while any((self.folder / f'{name}{end}').exists() for end in (*SUFFIXES, '.json')):
            count += 1
            name = f'{stem}-{count}'
        return name

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a model.

        Raises
        ------
        ModelError
            If there is no such model, its manifest cannot be read, or it was saved by a version
            of this package with another model format.
        """
        return self._read_manifest(name)[0]

    def _read_manifest(self, name: str) -> tuple[Manifest, bytes]:
        """Return the manifest of a model, parsed and as bytes."""
        file = self._existing(name).with_name(f'{name}.json')
        try:
            self._check_inside(file, name)
            if file.stat().st_size > MAX_MANIFEST_BYTES:
                raise ValueError(f'it is larger than {MAX_MANIFEST_BYTES} bytes')
            content = file.read_bytes()
            return Manifest.from_text(content.decode()), content
        except FileNotFoundError:
            raise ModelError(
                f"Model '{name}' has no manifest ({name}.json), so it was not saved by this "
                f'package; it is not loaded. Train it again.'
            ) from None
        except _OtherFormatError as error:
            raise ModelError(
                f"Model '{name}' was saved by another version of myogestic_ros ({error}); "
                f'train it again.'
            ) from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ModelError(
                f"The manifest of model '{name}' cannot be read ({error}); it is not loaded. "
                f'Train it again.'
            ) from error

    def save(
        self,
        name: str,
        model: Any,
        manifest: Manifest,
        dump: Callable[[Any, str], Any] = save_pickle,
    ) -> Manifest:
        """Save a model under a new name; return its manifest as written.

        An existing model is not overwritten, also if two processes save under one name. The
        manifest is written last: a model without one is neither listed nor loaded. Files that a
        process left in the folder, because it was killed while it saved, are removed.

        Parameters
        ----------
        name : str
            Letters, digits, ``.``, ``_`` and ``-``.
        model : object
            Model to save.
        manifest : Manifest
            Its description; digest, time and versions are filled in.
        dump : callable
            ``dump(model, path)`` writes the model file.

        Raises
        ------
        ModelError
            If the name is taken or not allowed, or the model cannot be written.
        """
        self._check_name_is_free(name)
        suffix = '.joblib'
        if self.model_format == 'skops':
            if dump is not save_pickle:
                raise ModelError(
                    f"Model '{name}' cannot be saved with model_format skops: its decoder saves "
                    f'models with a function of its own (save_model); set model_format to joblib.'
                )
            dump, suffix = save_skops, '.skops'
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.folder)
            # In a folder of its own, until it is complete: a crash leaves no half of a model.
            with tempfile.TemporaryDirectory(
                prefix=f'{SAVING}{os.getpid()}-', dir=self.folder
            ) as saving:
                file = Path(saving, f'{name}{suffix}')
                dump(model, str(file))
                _sync(file)  # a full or failing disk may report its error only now
                written = Manifest(
                    **{
                        **manifest.__dict__,
                        'sha256': hashlib.sha256(file.read_bytes()).hexdigest(),
                        'created': datetime.now(timezone.utc).isoformat(timespec='seconds'),
                        'versions': _versions(),
                    }
                )
                self._publish(name, file, written)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"Model '{name}' cannot be saved in {self.folder}: {type(error).__name__}: {error}"
            ) from error
        return written

    def _check_name_is_free(self, name: str) -> None:
        if self._file(name).with_name(f'{name}.json').exists():
            raise ModelError(f"There is a model '{name}' already; choose another name.")

    def _publish(self, name: str, file: Path, manifest: Manifest) -> None:
        """Move a complete model into the folder, unless another process has used its name."""
        text = manifest.to_text().encode()
        manifest_file = file.with_name(f'{name}.json')
        manifest_file.write_bytes(text)
        _sync(manifest_file)
        with locked_folder(self.folder):
            self._check_name_is_free(name)
            for suffix in SUFFIXES:  # of a process that was killed before it wrote the manifest
                (self.folder / f'{name}{suffix}').unlink(missing_ok=True)
            file.rename(self.folder / file.name)
            self._signature_file(name).unlink(missing_ok=True)
            if self.key is not None and self.key.can_sign:
                self._signature_file(name).write_text(self.key.sign(name, text))
            os.replace(manifest_file, self.folder / manifest_file.name)

    def _signature_file(self, name: str) -> Path:
        return self.folder / f'{name}.sig'

    def sign(self, name: str) -> None:
        """Sign a saved model with the key of the store. The model is not loaded.

        Raises
        ------
        ModelError
            If there is no such model, if it was changed after it was saved, or if the key cannot
            sign.
        """
        if self.key is None:
            raise ModelError('There is no key to sign with.')
        manifest, text = self._read_manifest(name)
        self._read_content(name, manifest)
        signature = self.key.sign(name, text)
        temporary = self.folder / f'.{name}.sig.{os.getpid()}.tmp'
        temporary.write_text(signature)
        os.replace(temporary, self._signature_file(name))

    def check_signature(self, name: str) -> None:
        """Raise `ModelError` if the store has a key, and a model has no valid signature of it."""
        self._check_signature(name, self._read_manifest(name)[1])

    def _check_signature(self, name: str, manifest: bytes) -> None:
        if self.key is None:
            return
        file = self._signature_file(name)
        try:
            self._check_inside(file, name)
            with file.open() as stream:
                signature = stream.read(1000)
        except FileNotFoundError:
            raise ModelError(
                f"Model '{name}' is not signed; expected a signature of the key {self.key.file} "
                f'(model_key); it is not loaded. If you trust it: myogestic models sign {name}'
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(
                f"The signature of model '{name}' cannot be read: {error}."
            ) from error
        if not self.key.verifies(name, manifest, signature):
            raise ModelError(
                f"The signature of model '{name}' is not one of the key {self.key.file} "
                f'(model_key): it was signed with another key, or changed after it was signed. It is '
                f'not loaded.'
            )

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
            Name of the model.
        live : sequence of StreamSpec
            Streams that it is to be used on.
        load : callable
            ``load(path)`` reads the model file.

        Returns
        -------
        model : object
        manifest : Manifest

        Raises
        ------
        ModelError
            If the model is refused. No code of the model has run then, unless it failed while it
            was being loaded.
        """
        manifest, text = self._read_manifest(name)
        self._check_signature(name, text)
        content, suffix = self._read_content(name, manifest)
        if suffix == '.skops':
            load = load_skops
        elif self.model_format == 'skops':
            raise ModelError(
                f"Model '{name}' is a joblib file, which could run any code; it is not loaded, "
                f'because model_format is skops. Train it again, or set model_format to joblib.'
            )
        reason = incompatibility(manifest.streams, live)
        if reason is not None:
            raise ModelError(f"Model '{name}' does not match the streams: {reason}")
        with tempfile.TemporaryDirectory(prefix='myogestic-model-') as private:
            # A copy: the file in the folder may be replaced between the check and the loading.
            checked = Path(private, f'{name}{suffix}')
            checked.write_bytes(content)
            try:
                return load(str(checked)), manifest
            except Exception as error:
                raise ModelError(_reason(name, manifest, error)) from error

    def _read_content(self, name: str, manifest: Manifest) -> tuple[bytes, str]:
        """Return content and suffix of the file of a model, after checking its digest."""
        file = self._existing(name)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ModelError(f"Model '{name}' cannot be read: {error}.") from error
        if hashlib.sha256(content).hexdigest() != manifest.sha256:
            raise ModelError(
                f"The file of model '{name}' was changed after it was saved (its SHA-256 digest "
                f'differs from the one in the manifest); it is not loaded. Restore the file or '
                f'train the model again.'
            )
        return content, file.suffix

    def _file(self, name: str) -> Path:
        """Return the file of a model; for a new name, that of the first format."""
        if not _allowed(name):
            raise ModelError(
                f'{name!r} is not a model name; expected letters, digits, ".", "_" and "-", '
                f'and no path.'
            )
        files = [self.folder / f'{name}{suffix}' for suffix in SUFFIXES]
        return next((file for file in files if file.exists()), files[0])

    def _existing(self, name: str) -> Path:
        file = self._file(name)
        if not file.exists():
            known = ', '.join(self.names()) or 'none'
            raise ModelError(f"There is no model '{name}' in {self.folder}; models: {known}.")
        self._check_inside(file, name)
        return file

    def _check_inside(self, file: Path, name: str) -> None:
        if file.resolve().parent != self.folder.resolve() or file.is_symlink():
            raise ModelError(f"Model '{name}' is a link out of {self.folder}; it is not loaded.")
        if file.exists() and not file.is_file():  # reading a named pipe would block
            raise ModelError(f"Model '{name}' is not a regular file; it is not loaded.")


def open_store(folder: Path, key_file: str = '', model_format: str = 'joblib') -> ModelStore:
    """Return the store of the models in a folder, and remove what killed processes left there.

    Parameters
    ----------
    folder : Path
        Folder of the models.
    key_file : str
        File of the key that signs or verifies models; '' for none.
    model_format : {'joblib', 'skops'}
        Format of the models that are saved; see `ModelStore`.

    Raises
    ------
    ModelError
        If the key cannot be used.
    """
    folder = folder.expanduser()
    key = read_key(Path(key_file), folder) if key_file else None
    with contextlib.suppress(OSError):
        remove_leftovers(folder)
    return ModelStore(folder, key, model_format)


def _reason(name: str, manifest: Manifest, error: Exception) -> str:
    """Return the message for a model file that could not be loaded."""
    missing = missing_name(error)
    if missing is not None:
        return (
            f"Model '{name}' was saved by another version of myogestic_ros: it contains "
            f"'{missing}', which this version does not have; train it again."
        )
    return (
        f"Model '{name}' cannot be loaded: {type(error).__name__}: {error}. It was saved with "
        f"{manifest.versions} and decoder '{manifest.decoder}'; use the same decoder, or train "
        f'the model again.'
    )


def _sync(file: Path) -> None:
    with file.open('rb') as stream:
        os.fsync(stream.fileno())


def _allowed(name: str) -> bool:
    return NAME.fullmatch(name) is not None and '..' not in name


def _age(file: Path) -> tuple[float, str]:
    with contextlib.suppress(OSError):  # the file may have been deleted meanwhile
        return file.stat().st_mtime, file.name
    return 0.0, file.name
