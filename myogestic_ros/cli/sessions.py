"""``myogestic sessions``: import, list, show, check, repair and export sessions."""

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
from myogestic_ros.sessions.quality.check import Finding, check_session, check_statistics
from myogestic_ros.sessions.quality.statistics import session_statistics
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
    help='Import, list, show, check, repair and export recorded sessions.',
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
        Path, typer.Argument(help='Recording file (CSV, TXT, NPZ, MAT, XDF), or folder of files.')
    ],
    mapping: Annotated[
        str,
        typer.Option(
            '--mapping', '-m', help='YAML file with the format, or name of a shipped mapping: myo.'
        ),
    ] = '',
    name: Annotated[
        str, typer.Option(help='Name of the session; default: that of the recording.')
    ] = '',
    folder: Folder = SESSIONS,
    rate: Annotated[float, typer.Option(help='Sampling rate, Hz; 0: from the mapping.')] = 0.0,
    scale: Annotated[float, typer.Option(help='Volt per unit; 0: from the mapping.')] = 0.0,
    classes: Annotated[str, typer.Option(help='Class names, such as rest,fist,open.')] = '',
    label_column: Annotated[
        int,
        typer.Option(
            help='Column of the class, from 0; -1: last; -2: none; -99: from the mapping.'
        ),
    ] = FROM_MAPPING,
    time_column: Annotated[
        int, typer.Option(help='Column of the time, from 0; -2: none; -99: from the mapping.')
    ] = FROM_MAPPING,
    file_names: Annotated[
        str, typer.Option(help="Pattern of the file names: '{class}_{repetition}.csv'.")
    ] = '',
    on_bad_line: Annotated[
        str, typer.Option(help='Treatment of lines that cannot be read: error or skip.')
    ] = '',
    subject: Annotated[str, typer.Option(help='Subject of the recording.')] = '',
    device: Annotated[str, typer.Option(help='Device of the recording.')] = '',
    protocol: Annotated[str, typer.Option(help='Protocol of the recording.')] = '',
) -> None:
    """Import a recording as a session; see docs/how-to/import-recordings.md for mappings."""
    options = {
        'sampling_rate': rate,
        'scale': scale,
        'class_names': [word.strip() for word in classes.split(',') if word.strip()],
        'file_names': file_names,
        'on_bad_line': on_bad_line,
    }
    columns = {'label_column': label_column, 'time_column': time_column}
    given = {
        **{key: value for key, value in options.items() if value},
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
            raise SessionError(
                f'There is no folder {folder}; expected the folder of the sessions.'
            )
        summaries = list_sessions(folder)
        print_sessions(console, folder, summaries, _interrupted(folder))


@app.command()
def info(
    session: Annotated[str, typer.Argument(help='Name or path of a session.')],
    folder: Folder = SESSIONS,
    picture: Annotated[
        Path | None,
        typer.Option('--picture', '-p', help='Plot the session into this PNG, SVG or PDF file.'),
    ] = None,
) -> None:
    """Show streams, classes, repetitions, lost samples and the signal of a session."""
    with report_errors():
        (path,) = resolve_sessions([session], folder)
        if picture is not None and picture.exists():
            raise SessionError(f'{picture} exists already; existing files are not overwritten.')
        found = session_statistics(Session(path))
        print_survey(console, found)
        print_findings(console, '', check_statistics(found))
        if picture is not None:
            from myogestic_ros.cli.session_plot import draw  # matplotlib is slow to load

            draw(found, picture)
            console.print(f'Plot: {picture}', markup=False)


@app.command()
def check(
    sessions: Annotated[
        list[str] | None, typer.Argument(help='Names or paths; default: all in the folder.')
    ] = None,
    folder: Folder = SESSIONS,
) -> None:
    """Check sessions and list problems; exit code 1 if there are errors."""
    failed = False
    with report_errors():
        for path in _select(sessions, folder):
            findings: list[Finding] = check_session(path)
            print_findings(console, path.name, findings)
            failed = failed or any(finding.is_error for finding in findings)
    if failed:
        raise typer.Exit(1)


@app.command()
def repair(
    sessions: Annotated[
        list[str] | None, typer.Argument(help='Names or paths; default: all in the folder.')
    ] = None,
    folder: Folder = SESSIONS,
) -> None:
    """Complete sessions whose recording was interrupted. Recorded messages are not changed."""
    failed = False
    with report_errors():
        for path in _select(sessions, folder):
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
    session: Annotated[str, typer.Argument(help='Name or path of a session.')],
    file: Annotated[
        Path | None,
        typer.Argument(help='FILE.npz or FILE.csv; default: SESSION.npz in the current folder.'),
    ] = None,
    folder: Folder = SESSIONS,
    stream: Stream = 'emg',
) -> None:
    """Export a stream of a session as NPZ or CSV, which can be imported again."""
    with report_errors():
        (path,) = resolve_sessions([session], folder)
        target = file or Path(f'{path.stem}.npz')
        opened = Session(path)
        for written in export_session(opened, target, stream):
            console.print(f'Written: {written}', markup=False, soft_wrap=True)
        others = [topic for topic in opened.streams() if topic != opened.stream_topic(stream)]
        if others:
            console.print(
                f'Not exported: {", ".join(others)}; a file contains one stream.',
                markup=False,
                soft_wrap=True,
            )


def _interrupted(folder: Path) -> list[Path]:
    """Return the sessions to repair, including those without metadata."""
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and needs_repair(path)]


def _select(names: list[str] | None, folder: Path) -> list[Path]:
    """Return the named sessions, or all in the folder, including those without metadata."""
    if names:
        return resolve_sessions(names, folder)
    if not folder.is_dir():
        raise SourceError(
            f'There is no folder {folder}; expected the folder of the sessions (--folder).'
        )
    found = {summary.path for summary in list_sessions(folder)} | set(_interrupted(folder))
    if not found:
        raise SessionError(f'{folder} contains no sessions.')
    return sorted(found)
