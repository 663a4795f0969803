"""BrainFlow: the boards of OpenBCI and some sixty others, and MindRove through its fork."""

from __future__ import annotations

import atexit
import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import Chunk, StreamInfo
from myogestic_ros.sources.acquisition.background import BackgroundCall
from myogestic_ros.sources.acquisition.block_builder import BlockBuilder
from myogestic_ros.sources.acquisition.channels import CHANNEL_PARAMETERS
from myogestic_ros.sources.acquisition.device import STEP_S, Device
from myogestic_ros.sources.acquisition.libraries import optional_library

__all__ = ['BrainFlow']

LIBRARIES = {
    'brainflow': ('brainflow>=5.16', 'BrainFlowInputParams', 'BrainFlowError'),
    'mindrove': ('mindrove>=5.3', 'MindRoveInputParams', 'MindRoveError'),
}
"""Package, class of the parameters and class of errors of each library."""
COUNTERS = {'SYNTHETIC_BOARD': 256, 'CYTON_BOARD': 256}
"""Values of the package counter of boards for which it is known to rise by 1 with each sample."""
KINDS = ('emg_channels', 'exg_channels', 'eeg_channels')
ABSENT = (
    'UNABLE_TO_OPEN_PORT_ERROR',
    'BOARD_NOT_READY_ERROR',
    'SYNC_TIMEOUT_ERROR',
    'BOARD_WRITE_ERROR',
)
"""Errors of a board that may be there later."""
BUFFER_S = 30.0
POLL_S = 0.004
FIRST_SAMPLES_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 3.0
MAX_DEVIATION = 0.02
"""Some boards deviate by much more than a crystal: their clocks are those of radio chips."""


_BOARDS: dict[str, Any] = {}
atexit.register(_BOARDS.clear)  # their destructors need a working interpreter


class _Session(NamedTuple):
    """An open board, and its description."""

    board: Any
    facts: Mapping[str, Any]


class BrainFlow(Device):
    """A board that BrainFlow drives; the arguments are those of `Device`."""

    NAME = 'brainflow'
    PARAMETERS = (
        Parameter(
            'board',
            'cyton',
            'Name of the board in BrainFlow, such as cyton, ganglion, cyton_daisy or synthetic.',
        ),
        Parameter(
            'library',
            'brainflow',
            'Library: brainflow, or its fork mindrove.',
            choices=tuple(LIBRARIES),
        ),
        Parameter('serial_port', '', 'Serial port of the board or of its dongle; empty: none.'),
        Parameter('mac_address', '', 'Bluetooth address of the board; empty: any.'),
        Parameter('ip_address', '', 'Address of the board or of its WiFi shield; empty: default.'),
        Parameter('ip_port', 0, 'Port for the board; 0: default.', minimum=0, maximum=65535),
        Parameter('serial_number', '', 'Serial number or name of the board; empty: any.'),
        Parameter('other_info', '', 'Further setting that some boards need.'),
        Parameter('file', '', 'File of a playback board; empty: none.'),
        Parameter(
            'master_board', '', 'Name of the board whose data is played or streamed; empty: none.'
        ),
        Parameter(
            'timeout', 0, 'Time to search the board, s; 0: default.', minimum=0, maximum=600
        ),
        Parameter('commands', [''], 'Settings to send to the board before it streams.'),
        Parameter(
            'scale', 1e-6, "Volt per unit; BrainFlow's unit is µV.", minimum=1e-12, maximum=1.0
        ),
        Parameter(
            'counter_values',
            -1,
            'Number of values of a package counter that rises by 1 with each sample; 0: no '
            'counter, -1: 256 for cyton and synthetic, else none.',
            minimum=-1,
            maximum=2**31 - 1,
        ),
        *CHANNEL_PARAMETERS,
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._connecting: BackgroundCall[_Session] | None = None
        self._session: _Session | None = None
        self._started_s = self._news_s = 0.0
        self._builder: BlockBuilder | None = None

    def open(self) -> StreamInfo:
        """Connect to the board, which may take a while, and wait for its first samples."""
        if self._session is None:
            self._session = self._connect()
            self._started_s = time.monotonic()
        board, facts = self._session
        if not board.get_board_data_count():
            time.sleep(STEP_S)
            if time.monotonic() - self._started_s > FIRST_SAMPLES_TIMEOUT_S:
                self.close()
                raise SourceError(
                    f'The board {facts["name"]} is connected, but has sent nothing for '
                    f'{FIRST_SAMPLES_TIMEOUT_S:g} s. Is it on, and within reach of its dongle?'
                )
            raise SourceWaiting(f'the board {facts["name"]} is connected, its samples are awaited')
        try:
            return self._begin(board, facts)
        except SourceError:
            self.close()
            raise

    def _connect(self) -> _Session:
        """Return the session of the board once it streams."""
        if self._connecting is None:
            package, params_name, _ = LIBRARIES[self._values['library']]
            library = self._values['library']
            optional_library(library, package, library)
            shim = import_module(f'{library}.board_shim')
            board_id = self._board_id(shim, self._values['board'])
            params = getattr(shim, params_name)()
            for name in (
                'serial_port', 'mac_address', 'ip_address', 'ip_port', 'serial_number',
                'other_info', 'file', 'timeout',
            ):  # fmt: skip
                setattr(params, name, self._values[name])
            if self._values['master_board']:
                params.master_board = self._board_id(shim, self._values['master_board'])
            commands = [command for command in self._values['commands'] if command]
            self._connecting = BackgroundCall(
                lambda: _start(shim, board_id, params, commands), _release
            )
        if not self._connecting.wait(STEP_S):
            raise SourceWaiting(f'BrainFlow connects to the board {self._values["board"]}')
        connecting, self._connecting = self._connecting, None
        try:
            return connecting.result()
        except Exception as error:
            text = f'{error} (board {self._values["board"]})'
            if any(name in text for name in ABSENT):
                time.sleep(STEP_S)
                port = self._values['serial_port']
                where = f' at {port}' if port else ''
                raise SourceWaiting(
                    f'switch the board {self._values["board"]} on{where} (BrainFlow: {error})'
                ) from error
            raise SourceError(f'BrainFlow cannot start the board: {text}.') from error

    def _board_id(self, shim: Any, name: str) -> int:
        """Return the number of a board."""
        known = {board.name: int(board.value) for board in shim.BoardIds}
        key = name.strip().upper().replace('-', '_').replace(' ', '_')
        for candidate in (key, f'{key}_BOARD'):
            if candidate in known:
                return known[candidate]
        names = ', '.join(known).lower().replace('_board', '')
        raise SourceError(f"There is no board '{name}' in BrainFlow; expected one of: {names}.")

    def _begin(self, board: Any, facts: Mapping[str, Any]) -> StreamInfo:
        rows = next((facts[kind] for kind in KINDS if facts.get(kind)), None)
        if not rows:
            raise SourceError(
                f'The board {facts["name"]} has no EMG, ExG or EEG channels in BrainFlow.'
            )
        self._selection = self._select([f'EMG{n + 1}' for n in range(len(rows))])
        self._rows = [rows[column] for column in self._selection.columns]
        self._rate = float(facts['sampling_rate'])
        counter = self._values['counter_values']
        if counter < 0:
            known = {self._board_name(name): n for name, n in COUNTERS.items()}
            counter = known.get(self._board_name(self._values['board']), 0)
            counter = counter if self._values['library'] == 'brainflow' else 0
        self._counter_row = facts.get('package_num_channel') if counter else None
        board.get_board_data()  # what was acquired before
        self._news_s = self.origin_s = time.monotonic()
        self._builder = BlockBuilder(
            self._rate,
            self.origin_s,
            counter=counter if self._counter_row is not None else 0,
            max_deviation=MAX_DEVIATION,
        )
        self._items.clear()
        return StreamInfo(
            'emg',
            self._rate,
            self._selection.names,
            device=f'BrainFlow {facts["name"]}',
            serial=self._values['serial_number'] or self._values['mac_address'],
            grid=self._selection.grid,
            grid_places=self._selection.grid_places,
        )

    @staticmethod
    def _board_name(name: str) -> str:
        return name.strip().upper().replace('-', '_').replace(' ', '_').removesuffix('_BOARD')

    def _receive(self, timeout_s: float) -> None:
        assert self._session is not None
        assert self._builder is not None
        time.sleep(min(timeout_s, POLL_S))  # BrainFlow cannot be waited for
        try:
            data = self._session.board.get_board_data()
        except Exception as error:
            raise SourceError(f'BrainFlow has lost the board: {error}.') from error
        now_s = time.monotonic()
        if data.shape[1]:
            self._news_s = now_s
            samples = (data[self._rows].T * self._values['scale']).astype('float32')
            counters = None
            if self._counter_row is not None:
                counters = data[self._counter_row]
            self._builder.add(samples, now_s, counters)
        elif now_s - self._news_s > SILENCE_TIMEOUT_S:
            raise SourceError(
                f'The board {self._session.facts["name"]} has sent nothing for '
                f'{SILENCE_TIMEOUT_S:g} s.'
            )
        while (block := self._builder.pop()) is not None:
            self._items.append(Chunk(block.first_sample, block.stamp_ns, self._rate, block.data))

    def health(self) -> Mapping[str, str]:
        """Return the board and the estimated rate."""
        session, builder = self._session, self._builder
        if session is None or builder is None:
            return {}
        return {'board': str(session.facts['name']), **builder.health()}

    def close(self) -> None:
        """Stop the board and release it."""
        if self._connecting is not None:
            self._connecting.abandon()
            self._connecting = None
        if self._session is not None:
            session, self._session = self._session, None
            _release(session)


def _board(shim: Any, board_id: int, params: Any) -> Any:
    """Return the only object of a board with these parameters.

    BrainFlow keeps sessions by board and parameters: the destructor of an object of an earlier
    attempt would release the session of the present one.
    """
    key = f'{shim.__name__} {board_id} {params.to_json()}'
    if key not in _BOARDS:
        _BOARDS[key] = shim.BoardShim(board_id, params)
    return _BOARDS[key]


def _start(shim: Any, board_id: int, params: Any, commands: list[str]) -> _Session:
    """Connect and start a board. Blocks, with some boards for a minute."""
    shim.BoardShim.disable_board_logger()
    board = _board(shim, board_id, params)
    source_id = params.master_board if board_id in (-2, -3) else board_id
    facts = shim.BoardShim.get_board_descr(source_id)
    board.prepare_session()
    try:
        for command in commands:
            board.config_board(command)
        board.start_stream(max(1000, int(BUFFER_S * facts['sampling_rate'])))
    except Exception:
        board.release_session()
        raise
    return _Session(board, facts)


def _release(session: _Session) -> None:
    """Stop and release a board; a board that is gone cannot be stopped."""
    for action in (session.board.stop_stream, session.board.release_session):
        try:
            action()
        except Exception:
            continue
