"""``myogestic sessions``: import, list, look at, check, repair and export sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from myogestic_ros.cli.console import console, errors, report_errors
from myogestic_ros.cli.session_tables import (
    print_findings,
    print_imported,
    print_sessions,
    print_survey,
)
from myogestic_ros.core.errors import SessionError, SourceError
from myogestic_ros.sessions.exchange.export import export_session
from myogestic_ros.sessions.quality.check import Finding, check_session, findings_of
from myogestic_ros.sessions.quality.statistics import survey
from myogestic_ros.sessions.reading.library import list_sessions, resolve_sessions
from myogestic_ros.sessions.reading.reader import Session
from myogestic_ros.sessions.recording.repair import needs_repair, repair_session
from myogestic_ros.sessions.session_info import SessionInfo
from myogestic_ros.sources.importers.importer import import_recording
from myogestic_ros.sources.importers.mapping import find_mapping
from myogestic_ros.sources.replay import FROM_MAPPING

__all__ = ['app']

app = typer.Typer(
    name='sessions',
    help='Recorded sessions: import, list, look at, check, repair, export.',
    no_args_is_help=True,
)

Folder = Annotated[
    Path, typer.Option('--folder', '-f', help='Folder of the sessions.', show_default=True)
]
Stream = Annotated[str, typer.Option(help='Name of the stream.')]
SESSIONS = Path('sessions')


@app.command('import')
def import_(
    recording: Annotated[
        Path, typer.Argument(help='File (CSV, TXT, NPZ, MAT, XDF), or folder of the files of one.')
    ],
    mapping: Annotated[
        str,
        typer.Option(
            '--mapping', '-m', help='YAML file that says how to read it, or one of ours: myo.'
        ),
    ] = '',
    name: Annotated[str, typer.Option(help="Name of the session; the recording's, if none.")] = '',
    folder: Folder = SESSIONS,
    rate: Annotated[float, typer.Option(help='Sampling rate, Hz; 0: as mapped.')] = 0.0,
    scale: Annotated[float, typer.Option(help='Volt per unit; 0: as mapped.')] = 0.0,
    classes: Annotated[str, typer.Option(help='Names of the classes: rest,fist,open.')] = '',
    label_column: Annotated[
        int, typer.Option(help='Column of the class, from 0; -1 the last, -2 none; -99 as mapped.')
    ] = FROM_MAPPING,
    time_column: Annotated[
        int, typer.Option(help='Column of the time, from 0; -2 none; -99 as mapped.')
    ] = FROM_MAPPING,
    file_names: Annotated[
        str, typer.Option(help="What files are called: '{class}_{repetition}.csv'.")
    ] = '',
    on_bad_line: Annotated[
        str, typer.Option(help='What a line does that cannot be read: error, or skip.')
    ] = '',
    subject: Annotated[str, typer.Option(help='Who it was recorded from.')] = '',
    device: Annotated[str, typer.Option(help='With what.')] = '',
    protocol: Annotated[str, typer.Option(help='After which plan.')] = '',
) -> None:
    """Make a session of a recording; docs/how-to/import-recordings.md says what a mapping holds."""
    said = {
        'sampling_rate': rate,
        'scale': scale,
        'class_names': [word.strip() for word in classes.split(',') if word.strip()],
        'file_names': file_names,
        'on_bad_line': on_bad_line,
    }
    columns = {'label_column': label_column, 'time_column': time_column}
    given = {
        **{key: value for key, value in said.items() if value},
        **{key: column for key, column in columns.items() if column != FROM_MAPPING},
    }
    with report_errors():
        target = folder / (name or recording.expanduser().resolve().stem)
        content = import_recording(
            recording,
            target,
            find_mapping(mapping),
            given,
            SessionInfo(subject=subject, device=device, protocol=protocol),
        )
        print_imported(console, content, target)


@app.command('list')
def list_(
    folder: Annotated[Path, typer.Argument(help='Folder of the sessions.')] = SESSIONS,
) -> None:
    """List the sessions in a folder."""
    with report_errors():
        if not folder.is_dir():
            raise SessionError(f'There is no folder {folder}; give that of the sessions.')
        summaries = list_sessions(folder)
        print_sessions(console, folder, summaries, _cut(folder))


@app.command()
def info(
    session: Annotated[str, typer.Argument(help='Name of a session, or its path.')],
    folder: Folder = SESSIONS,
    picture: Annotated[
        Path | None, typer.Option('--picture', '-p', help='PNG, SVG or PDF to draw it into.')
    ] = None,
) -> None:
    """Show what a session holds: streams, classes, repetitions, losses, the signal itself."""
    with report_errors():
        (path,) = resolve_sessions([session], folder)
        if picture is not None and picture.exists():
            raise SessionError(f'{picture} exists already; nothing is overwritten.')
        found = survey(Session(path))
        print_survey(console, found)
        print_findings(console, '', findings_of(found))
        if picture is not None:
            from myogestic_ros.cli.session_plot import draw  # matplotlib is slow to load

            draw(found, picture)
            console.print(f'Drawn into {picture}.', markup=False)


@app.command()
def check(
    sessions: Annotated[
        list[str] | None, typer.Argument(help='Names or paths; none: all in the folder.')
    ] = None,
    folder: Folder = SESSIONS,
) -> None:
    """Say what is not as it should be; ends with 1 when something is wrong."""
    wrong = False
    with report_errors():
        for path in _named(sessions, folder):
            findings: list[Finding] = check_session(path)
            print_findings(console, path.name, findings)
            wrong = wrong or any(finding.fault for finding in findings)
    if wrong:
        raise typer.Exit(1)


@app.command()
def repair(
    sessions: Annotated[
        list[str] | None, typer.Argument(help='Names or paths; none: all in the folder.')
    ] = None,
    folder: Folder = SESSIONS,
) -> None:
    """Make sessions whole whose recording was cut; what was written stays as it is."""
    failed = False
    with report_errors():
        for path in _named(sessions, folder):
            if not needs_repair(path):
                if sessions:
                    console.print(f'{path.name}: needs no repair.', markup=False)
                continue
            try:
                console.print(repair_session(path).message, markup=False, soft_wrap=True)
            except SessionError as error:
                errors.print(str(error), style='red', markup=False, soft_wrap=True)
                failed = True
    if failed:
        raise typer.Exit(1)


@app.command()
def export(
    session: Annotated[str, typer.Argument(help='Name of a session, or its path.')],
    file: Annotated[
        Path | None, typer.Argument(help='FILE.npz or FILE.csv; none: SESSION.npz, here.')
    ] = None,
    folder: Folder = SESSIONS,
    stream: Stream = 'emg',
) -> None:
    """Write a session as arrays (NPZ) or text (CSV), from which it can be imported again."""
    with report_errors():
        (path,) = resolve_sessions([session], folder)
        target = file or Path(f'{path.stem}.npz')
        opened = Session(path)
        for written in export_session(opened, target, stream):
            console.print(f'Written: {written}', markup=False, soft_wrap=True)
        others = [topic for topic in opened.streams() if topic != opened.topic_of(stream)]
        if others:
            console.print(
                f'Not in it: {", ".join(others)}; a table holds one stream.',
                markup=False,
                soft_wrap=True,
            )


def _cut(folder: Path) -> list[Path]:
    """Return the sessions that were cut, also those that have no metadata yet."""
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and needs_repair(path)]


def _named(names: list[str] | None, folder: Path) -> list[Path]:
    """Return the sessions of some names, else all in the folder, also those without metadata."""
    if names:
        return resolve_sessions(names, folder)
    if not folder.is_dir():
        raise SourceError(f'There is no folder {folder}; give that of the sessions (--folder).')
    found = {summary.path for summary in list_sessions(folder)} | set(_cut(folder))
    if not found:
        raise SessionError(f'{folder} holds no sessions.')
    return sorted(found)
