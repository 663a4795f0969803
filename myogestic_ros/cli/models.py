"""``myogestic models``: list models, and sign them with a key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from myogestic_ros.cli.console import console, report_errors
from myogestic_ros.core.errors import ModelError
from myogestic_ros.core.models.model_store import ModelStore, open_store
from myogestic_ros.core.models.signing import create_key_pair
from myogestic_ros.core.untrusted import clean_name

__all__ = ['app']

app = typer.Typer(
    name='models', help='List models, and sign them with a key.', no_args_is_help=True
)

Folder = Annotated[Path, typer.Option('--model-dir', help='Folder of the models.')]
Key = Annotated[
    str, typer.Option('--model-key', '-k', help='Key file, as in the parameter model_key.')
]
MODELS = Path('models')


@app.command('list')
def list_(model_dir: Folder = MODELS, model_key: Key = '') -> None:
    """List the models; with a key, report those without its signature and exit with code 1."""
    with report_errors():
        store = open_store(model_dir, model_key)
        table = Table('model', 'created', 'decoder', 'classes')
        if store.key is not None:
            table.add_column('signature')
        refused = 0
        for name in store.names():
            row, error = _row(store, name)
            refused += bool(error)
            table.add_row(*row, *([] if store.key is None else [error or 'valid']))
        console.print(table)
        if refused and store.key is not None:
            raise typer.Exit(1)


def _row(store: ModelStore, name: str) -> tuple[list[str], str]:
    """Return the cells of a model, and the reason why it would not be loaded, or ''."""
    cells = [name, '', '', '']
    try:
        manifest = store.manifest(name)
        cells[1:] = [
            str(manifest.created)[:16],
            clean_name(manifest.decoder),
            ', '.join(clean_name(text) for text in manifest.class_names[:20]),
        ]
        store.check_signature(name)
    except ModelError as error:
        cells[3] = cells[3] or str(error)
        return cells, 'not signed' if 'is not signed' in str(error) else 'not valid'
    return cells, ''


@app.command()
def key(
    file: Annotated[Path, typer.Argument(help='File of the private key, outside of model_dir.')],
) -> None:
    """Create a key pair (Ed25519): FILE signs and verifies, FILE.pub only verifies."""
    with report_errors():
        private, public = create_key_pair(file)
        console.print(
            f'Private key: {private}. Keep it secret: it signs models.\n'
            f'Public key: {public}. Set the parameter model_key of the pipeline to one of them.',
            markup=False,
            soft_wrap=True,
        )


@app.command()
def sign(
    models: Annotated[list[str], typer.Argument(help='Names of the models.', show_default=False)],
    model_key: Annotated[
        str, typer.Option('--model-key', '-k', help='File of the private key.', show_default=False)
    ],
    model_dir: Folder = MODELS,
) -> None:
    """Sign saved models. A model is not loaded: sign only models that you trust."""
    with report_errors():
        store = open_store(model_dir, model_key)
        for name in models:
            store.sign(name)
            console.print(f"Signed '{name}'.", markup=False, soft_wrap=True)
