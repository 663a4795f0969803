"""Sign models, so that the pipeline loads only those of people who have the key."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Any

from myogestic_ros.core.errors import ModelError

__all__ = ['ModelKey', 'create_key_pair', 'read_key']

PREFIX = b'myogestic_ros/model-signature/1\n'
"""Start of every signed text: a signature of something else with the same key does not count."""

MAX_KEY_BYTES = 10_000


class ModelKey:
    """Ed25519 key: a private key signs and verifies, a public key verifies.

    Parameters
    ----------
    file : Path
        File that it was read from.
    private : Ed25519PrivateKey or None
        None for a public key.
    public : Ed25519PublicKey
        The public key.
    """

    def __init__(self, file: Path, private: Any, public: Any) -> None:
        self.file = file
        self._private = private
        self._public = public

    @property
    def can_sign(self) -> bool:
        """True for a private key."""
        return self._private is not None

    def sign(self, name: str, manifest: bytes) -> str:
        """Return the signature of a model as text.

        Parameters
        ----------
        name : str
            Name of the model; a copy under another name is not valid.
        manifest : bytes
            Content of its manifest, which contains the digest of the model file.

        Raises
        ------
        ModelError
            If the key is a public key.
        """
        if self._private is None:
            raise ModelError(
                f'{self.file} is a public key, which cannot sign; give the private key to '
                f'"myogestic models sign".'
            )
        signature: bytes = self._private.sign(_signed_text(name, manifest))
        return base64.b64encode(signature).decode() + '\n'

    def verifies(self, name: str, manifest: bytes, signature: str) -> bool:
        """Return True if a signature is one of this key for the manifest of a model."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._public.verify(
                base64.b64decode(signature.strip(), validate=True), _signed_text(name, manifest)
            )
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def _signed_text(name: str, manifest: bytes) -> bytes:
    return PREFIX + name.encode() + b'\n' + manifest


def _cryptography() -> tuple[Any, Any]:
    """Return the modules for Ed25519 and for key files."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise ModelError(
            "Signed models require the package cryptography: pip install 'myogestic-ros[signing]', "
            'or apt install python3-cryptography.'
        ) from None
    return ed25519, serialization


def read_key(file: Path, model_dir: Path) -> ModelKey:
    """Read a key that signs or verifies the models in a folder.

    Parameters
    ----------
    file : Path
        PEM file with an Ed25519 key, private (PKCS #8, without password) or public.
    model_dir : Path
        Folder of the models.

    Raises
    ------
    ModelError
        If the file cannot be read or is no such key, is in ``model_dir``, or can be written by
        others: whoever can replace the key can sign.
    """
    ed25519, serialization = _cryptography()
    file = file.expanduser()
    if file.resolve().is_relative_to(model_dir.expanduser().resolve()):
        raise ModelError(
            f'The key {file} is in the folder of the models, {model_dir}: whoever can write there '
            f'could replace it. Move it to another folder.'
        )
    try:
        with file.open('rb') as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(MAX_KEY_BYTES)
    except OSError as error:
        raise ModelError(f'The key {file} cannot be read: {error.strerror}.') from error
    if mode & 0o022:
        raise ModelError(
            f'The key {file} has mode {mode & 0o777:03o}: others can replace it. Run: chmod go-w '
            f'{file}'
        )
    private = None
    try:
        if b'PRIVATE KEY' in content:
            private = serialization.load_pem_private_key(content, password=None)
        public = (
            serialization.load_pem_public_key(content) if private is None else private.public_key()
        )
    except (ValueError, TypeError) as error:
        raise ModelError(
            f'{file} is not a PEM file of a key without password: {error}.'
        ) from error
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise ModelError(
            f'{file} is a key of another kind, expected Ed25519; make one with "myogestic models '
            f'key".'
        )
    return ModelKey(file, private, public)


def create_key_pair(file: Path) -> tuple[Path, Path]:
    """Create a private key and its public key; return their files.

    Parameters
    ----------
    file : Path
        File of the private key, readable by its owner only; the public key gets ``.pub`` after
        its name.

    Raises
    ------
    ModelError
        If a file exists or cannot be written.
    """
    ed25519, serialization = _cryptography()
    file = file.expanduser()
    private = ed25519.Ed25519PrivateKey.generate()
    files = file, file.with_name(f'{file.name}.pub')
    contents = (
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for path, content, mode in zip(files, contents, (0o600, 0o644), strict=True):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, 'wb') as stream:
                stream.write(content)
    except OSError as error:
        raise ModelError(f'The key cannot be written: {error}.') from error
    return files
