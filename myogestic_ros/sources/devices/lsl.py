"""Lab Streaming Layer: the EMG of any program or device that offers an LSL outlet."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.core.signals import NO_CLASS, Chunk, Label, StreamInfo
from myogestic_ros.sources.acquisition.background import BackgroundCall
from myogestic_ros.sources.acquisition.block_builder import BlockBuilder
from myogestic_ros.sources.acquisition.channels import CHANNEL_PARAMETERS
from myogestic_ros.sources.acquisition.device import STEP_S, Device
from myogestic_ros.sources.acquisition.libraries import optional_library

__all__ = ['UNITS', 'GapFinder', 'Lsl', 'class_of_marker', 'describe_outlet', 'volt_per_unit']

UNITS = {
    'v': 1.0, 'volt': 1.0, 'volts': 1.0,
    'mv': 1e-3, 'millivolt': 1e-3, 'millivolts': 1e-3,
    'uv': 1e-6, 'µv': 1e-6, 'μv': 1e-6, 'microvolt': 1e-6, 'microvolts': 1e-6,
    'nv': 1e-9, 'nanovolt': 1e-9, 'nanovolts': 1e-9,
}  # fmt: skip
"""Volt per unit, by the names of units that outlets use, in lower case."""
UNIT_PARAMETERS = ('', 'V', 'mV', 'uV', 'nV')
MAX_DEVIATION = 0.02
SETTLING_S = 0.6
"""Time after the first outlet was found in which others may be found, s."""
FORGET_S = 2.0
CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 2.0
MAX_PULLED = 8192
BUFFER_S = 5
WHOLE_SAMPLES = 0.1
REGULAR_S = 1.0
NO_CLASS_MARKERS = ('', 'none')


def volt_per_unit(unit: str, scale: float, header: Sequence[str]) -> float:
    """Return volt per unit of the samples.

    Parameters
    ----------
    unit : str
        Unit of the parameter; empty: that of the header.
    scale : float
        Volt per unit of the parameter; 0: by the unit.
    header : sequence of str
        Units of the channels in the header of the stream.

    Raises
    ------
    SourceError
        If neither tells, or the channels have different units.
    """
    if scale:
        return scale
    if unit:
        return UNITS[unit.lower()]
    found = {text.strip() for text in header}
    known = {UNITS.get(text.lower()) for text in found}
    if len(known) == 1 and None not in known:
        return next(scale for scale in known if scale is not None)
    stated = ', '.join(sorted(f"'{text}'" for text in found)) or 'none'
    raise SourceError(
        f'The outlet does not state one unit of volts for the selected channels (stated: '
        f'{stated}); set the parameter unit to V, mV, uV or nV, or scale to volt per unit.'
    )


def class_of_marker(text: str, class_names: list[str], fixed: bool) -> tuple[int, str]:
    """Return the class that a marker names: index, and name; -1 and '' for no class.

    Parameters
    ----------
    text : str
        The marker.
    class_names : list of str
        Known classes in the order of their indices; extended by new ones if not ``fixed``.
    fixed : bool
        True to take unknown names for no class.
    """
    name = text.strip()
    if name.lower() in NO_CLASS_MARKERS or (fixed and name not in class_names):
        return NO_CLASS, ''
    if name not in class_names:
        class_names.append(name)
    return class_names.index(name), name


def describe_outlet(info: Any) -> str:
    """Return what identifies an outlet, for a list of several."""
    rate = info.nominal_srate()
    return (
        f"'{info.name()}' (type {info.type() or '-'}, {info.channel_count()} channels, "
        f'{f"{rate:g} Hz" if rate else "irregular"}, host {info.hostname()}, source_id '
        f"'{info.source_id()}')"
    )


class _Piece(NamedTuple):
    """Number of samples that are missing before some samples, these, and the last one's stamp."""

    missing: int
    data: NDArray[Any]
    stamp_s: float


class GapFinder:
    """Find samples that the sender skipped, by its time stamps.

    Hardware stamps jump by whole samples where some are missing, and are regular again after that.
    A program that stamps its chunks when it happens to push them makes jumps of any length, which
    are no losses: after one of these, jumps count only when a second has been regular again.

    Parameters
    ----------
    sampling_rate : float
        Nominal sampling rate, Hz.
    """

    def __init__(self, sampling_rate: float) -> None:
        self._rate = sampling_rate
        self._newest_s: float | None = None
        self._irregular_s = -float('inf')
        self._held: _Piece | None = None  # after a jump, until it is known to be a gap

    def add(self, data: NDArray[Any], stamps_s: NDArray[np.float64]) -> list[_Piece]:
        """Return the samples about which all is known, in pieces without gaps.

        Parameters
        ----------
        data : ndarray, shape (n_samples, n_columns)
            Samples.
        stamps_s : ndarray, shape (n_samples,)
            Their stamps, s.
        """
        before_s = self._newest_s if self._newest_s is not None else stamps_s[0] - 1 / self._rate
        errors = np.diff(stamps_s, prepend=before_s) * self._rate - 1.0
        starts = [0, *(n for n in np.flatnonzero(np.abs(errors) > 0.5).tolist() if n)]
        self._newest_s = float(stamps_s[-1])
        pieces: list[_Piece] = []
        for start, stop in zip(starts, [*starts[1:], len(data)], strict=True):
            error = float(errors[start])
            piece = _Piece(0, data[start:stop], float(stamps_s[stop - 1]))
            if abs(error) <= 0.5:
                pieces += self._release(confirmed=True)
                pieces.append(piece)
                continue
            gap = self._is_gap(error, float(stamps_s[start]))
            pieces += self._release(confirmed=gap)
            if gap:
                self._held = piece._replace(missing=round(error))
            else:
                self._irregular_s = float(stamps_s[start])
                pieces.append(piece)
        return pieces

    def _is_gap(self, error: float, stamp_s: float) -> bool:
        whole = abs(error - round(error)) < WHOLE_SAMPLES
        return error > 0 and whole and stamp_s - self._irregular_s > REGULAR_S

    def _release(self, *, confirmed: bool) -> list[_Piece]:
        """Return the held piece, with its gap if the stamps after it go on as hardware's do."""
        held, self._held = self._held, None
        if held is None:
            return []
        if not confirmed:
            self._irregular_s = held.stamp_s
        return [held if confirmed else held._replace(missing=0)]


class _Inlets(NamedTuple):
    """Connected inlets, the full description of the stream, and the offset of its clock in s."""

    samples: Any
    info: Any
    markers: Any
    to_monotonic_s: float


class Lsl(Device):
    """An LSL inlet; the arguments are those of `Device`."""

    NAME = 'lsl'
    PARAMETERS = (
        Parameter('name', '', 'Name of the outlet; empty: any.'),
        Parameter('type', 'EMG', 'Type of the outlet; empty: any.'),
        Parameter('source_id', '', 'Source id of the outlet; empty: any.'),
        Parameter(
            'predicate',
            '',
            "XPath predicate that the outlet fulfils, such as starts-with(name,'Muovi'); empty: "
            'none.',
        ),
        Parameter(
            'unit',
            '',
            'Unit of the samples; empty: as the header of the stream states.',
            choices=UNIT_PARAMETERS,
        ),
        Parameter('scale', 0.0, 'Volt per unit; 0: by the unit.', minimum=0.0, maximum=1e6),
        Parameter('markers', '', 'Name of an outlet of markers that become labels; empty: none.'),
        Parameter(
            'class_names',
            [''],
            "Classes of the markers by index; ['']: numbered in the order of their appearance.",
        ),
        *CHANNEL_PARAMETERS,
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.HAS_LABELS = bool(self._values['markers'])
        fixed = [name for name in self._values['class_names'] if name]
        self._class_names, self._fixed = list(fixed), bool(fixed)
        self._resolvers: list[Any] = []
        self._found_s: float | None = None
        self._connecting: BackgroundCall[_Inlets] | None = None
        self._inlets: _Inlets | None = None
        self._builder: BlockBuilder | None = None
        self._facts: dict[str, str] = {}

    # -- connection ---------------------------------------------------------------------------

    def open(self) -> StreamInfo:
        """Search the outlet, connect to it, and read its header."""
        pylsl = optional_library('pylsl', 'pylsl>=1.18', 'lsl')
        if self._connecting is None:
            samples, markers = self._resolve(pylsl)
            self._check(pylsl, samples)
            self._connecting = BackgroundCall(
                lambda: _connect(pylsl, samples, markers), _close_inlets
            )
        if not self._connecting.wait(STEP_S):
            raise SourceWaiting('the LSL outlet was found, its connection is awaited')
        connecting, self._connecting = self._connecting, None
        self._resolvers.clear()
        self._found_s = None
        try:
            self._inlets = connecting.result()
        except Exception as error:
            raise SourceError(f'The LSL outlet does not answer: {error!r}.') from error
        return self._begin(self._inlets)

    def _resolve(self, pylsl: Any) -> tuple[Any, Any]:
        """Return the outlets of samples and of markers (None without) that fit."""
        values = self._values
        if not self._resolvers:
            self._resolvers.append(pylsl.ContinuousResolver(forget_after=FORGET_S))
            if values['predicate']:
                self._resolvers.append(
                    pylsl.ContinuousResolver(pred=values['predicate'], forget_after=FORGET_S)
                )
        time.sleep(STEP_S)
        everything = self._resolvers[0].results()
        wanted = ('name', 'type', 'source_id')
        found = [
            info
            for info in self._resolvers[-1].results()
            if all(not values[key] or getattr(info, key)() == values[key] for key in wanted)
            and info.name() != values['markers']
        ]
        markers = [info for info in everything if info.name() == values['markers']]
        if not found or (values['markers'] and not markers):
            self._found_s = None
            missing = self._wanted() if not found else f"name '{values['markers']}' (markers)"
            others = '; '.join(describe_outlet(info) for info in everything)
            raise SourceWaiting(f'start the LSL outlet with {missing} (found: {others or "none"})')
        now_s = time.monotonic()
        self._found_s = self._found_s if self._found_s is not None else now_s
        if now_s - self._found_s < SETTLING_S:
            raise SourceWaiting('an LSL outlet was found, others are searched')
        if len(found) > 1:
            self.close()
            raise SourceError(
                f'Found {len(found)} LSL outlets with {self._wanted()}: '
                f'{"; ".join(describe_outlet(info) for info in found)}. Set name, source_id or '
                f'predicate so that one is left.'
            )
        return found[0], markers[0] if values['markers'] else None

    def _wanted(self) -> str:
        """Return the wanted outlet in words."""
        keys = ('name', 'type', 'source_id', 'predicate')
        given = [f"{key} '{self._values[key]}'" for key in keys if self._values[key]]
        return ', '.join(given) or 'any name'

    def _check(self, pylsl: Any, info: Any) -> None:
        """Raise SourceError if an outlet cannot be EMG."""
        if info.channel_format() == pylsl.cf_string:
            raise SourceError(f'The LSL outlet {describe_outlet(info)} sends text, not samples.')
        if not info.nominal_srate():
            raise SourceError(
                f'The LSL outlet {describe_outlet(info)} has no regular sampling rate; expected '
                f'a continuous signal.'
            )

    def _begin(self, inlets: _Inlets) -> StreamInfo:
        info = inlets.info
        rate = float(info.nominal_srate())
        rows = _channel_rows(info)
        names = [row.get('label') or f'{info.name()}.{n + 1}' for n, row in enumerate(rows)]
        try:
            self._selection = self._select(_unique(names))
            units = [rows[column].get('unit', '') for column in self._selection.columns]
            self._scale = volt_per_unit(self._values['unit'], self._values['scale'], units)
        except SourceError:
            self.close()
            raise
        self._rate = rate
        self._buffer = np.empty((MAX_PULLED, info.channel_count()), inlets.samples.np_dtype)
        self._gaps = GapFinder(rate)
        self._news_s = self.origin_s = time.monotonic()
        self._builder = BlockBuilder(rate, self.origin_s, max_deviation=MAX_DEVIATION)
        self._facts = {'outlet': describe_outlet(info)}
        self._items.clear()
        return StreamInfo(
            'emg',
            rate,
            self._selection.names,
            device=f'LSL {info.name()}',
            serial=info.source_id(),
            grid=self._selection.grid,
            grid_places=self._selection.grid_places,
        )

    # -- samples ------------------------------------------------------------------------------

    def _receive(self, timeout_s: float) -> None:
        assert self._inlets is not None
        assert self._builder is not None
        try:
            data, stamps_s = self._inlets.samples.pull_chunk(
                timeout_s, MAX_PULLED, self._buffer, min_samples=1, as_numpy=True
            )
            self._take_markers(self._inlets)
        except Exception as error:  # LostError, and what liblsl makes of a broken connection
            raise SourceError(f'The LSL outlet has ended: {error!r}.') from error
        now_s = time.monotonic()
        if len(stamps_s):
            self._news_s = now_s
            chosen = data[:, self._selection.slice].astype(np.float32) * np.float32(self._scale)
            for missing, piece, stamp_s in self._gaps.add(chosen, np.asarray(stamps_s)):
                self._builder.skip(missing)
                self._builder.add(piece, stamp_s + self._inlets.to_monotonic_s)
        elif now_s - self._news_s > SILENCE_TIMEOUT_S:
            raise SourceError(f'The LSL outlet has sent nothing for {SILENCE_TIMEOUT_S:g} s.')
        while (block := self._builder.pop()) is not None:
            self._items.append(Chunk(block.first_sample, block.stamp_ns, self._rate, block.data))

    def _take_markers(self, inlets: _Inlets) -> None:
        """Turn the markers that have arrived into labels."""
        if inlets.markers is None or self._builder is None:
            return
        texts, stamps_s = inlets.markers.pull_chunk(0.0)
        for text, stamp_s in zip(texts or (), stamps_s, strict=True):
            index, name = class_of_marker(str(text[0]), self._class_names, self._fixed)
            at_s = stamp_s + inlets.to_monotonic_s - self._builder.clock.origin_s
            if at_s >= 0:
                self._items.append(Label(round(at_s * 1e9), index, name))

    def health(self) -> Mapping[str, str]:
        """Return the outlet and the estimated rate."""
        builder = self._builder
        if self._inlets is None or builder is None:
            return {}
        return {**self._facts, **builder.health()}

    def interrupt(self) -> None:
        """Do nothing: `open` and `read` return within their timeouts."""

    def close(self) -> None:
        """Close the inlets."""
        self._resolvers.clear()
        self._found_s = None
        if self._connecting is not None:
            self._connecting.abandon()
            self._connecting = None
        if self._inlets is not None:
            _close_inlets(self._inlets)
            self._inlets = None


def _connect(pylsl: Any, samples: Any, markers: Any) -> _Inlets:
    """Open the inlets. Blocks until the outlet has answered, or raises after some seconds."""
    # Without recovery: the inlet would wait in silence for an outlet that has ended, while the
    # driver reports it and searches again. Only the clock is corrected: to remove the jitter is
    # the task of the estimated clock.
    options: dict[str, Any] = {'recover': False, 'processing_flags': pylsl.proc_clocksync}
    inlet = pylsl.StreamInlet(samples, max_buflen=BUFFER_S, **options)
    opened = [inlet]
    try:
        inlet.open_stream(CONNECT_TIMEOUT_S)
        info = inlet.info(CONNECT_TIMEOUT_S)
        inlet.time_correction(CONNECT_TIMEOUT_S)
        marker_inlet = None
        if markers is not None:
            marker_inlet = pylsl.StreamInlet(markers, **options)
            opened.append(marker_inlet)
            marker_inlet.open_stream(CONNECT_TIMEOUT_S)
            marker_inlet.time_correction(CONNECT_TIMEOUT_S)
    except Exception:
        for started in opened:
            started.close_stream()
        raise
    inlet.flush()  # what was sent before the driver begins to read
    return _Inlets(inlet, info, marker_inlet, time.monotonic() - pylsl.local_clock())


def _close_inlets(inlets: _Inlets) -> None:
    for inlet in (inlets.samples, inlets.markers):
        if inlet is not None:
            inlet.close_stream()


def _channel_rows(info: Any) -> list[dict[str, str]]:
    """Return label and unit of each channel, as far as the header states them."""
    rows: list[dict[str, str]] = []
    element = info.desc().child('channels').child('channel')
    for _ in range(info.channel_count()):
        row = {}
        if not element.empty():
            row = {key: str(element.child_value(key)) for key in ('label', 'unit')}
            element = element.next_sibling('channel')
        rows.append(row)
    return rows


def _unique(names: Sequence[str]) -> list[str]:
    """Return names that differ: equal ones are numbered."""
    return [name if names.count(name) == 1 else f'{name}.{n + 1}' for n, name in enumerate(names)]
