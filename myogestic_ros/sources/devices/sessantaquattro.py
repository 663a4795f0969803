"""OT Bioelettronica Sessantaquattro and Sessantaquattro+: 64 channels over WiFi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from myogestic_ros.core.errors import SourceError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.sources.devices.otb_probe import OtbProbe, probe_parameters

__all__ = ['Sessantaquattro', 'command_word']

PORT = 45454
MODES = {
    'monopolar': 0,
    'bipolar': 1,
    'differential': 2,
    'accelerometer': 3,
    'impedance': 6,
    'test': 7,
}
"""Working modes by name; 4 is not assigned, 5 is an impedance check with further values."""
RATES = (500, 1000, 2000, 4000)
ACCELEROMETER_RATES = (2000, 4000, 8000, 16000)
CHANNELS = (8, 16, 32, 64)
GAINS = {16: {8: 0, 4: 1, 6: 2}, 24: {2: 0, 4: 1, 6: 2, 8: 3}}
"""Code of each gain, for each number of bits."""
FULL_SCALE_V = 9.6
"""Range of the converter at a gain of 1, V."""
N_INPUTS = 2
INPUT_STEP = {16: 146.48e-6, 24: 572.2e-9}
"""Step of the converter of the AUX inputs, V."""
ACCESSORY_VALUES = (4, 8, 6)
"""AUX inputs, quaternion (only Sessantaquattro+), buffer with trigger, and counter."""


def command_word(
    n_channels: int, rate: int, bits: int, mode: str, high_pass: bool, gain: int, *, go: bool
) -> bytes:
    """Return the command of two bytes.

    Parameters
    ----------
    n_channels : int
        One of `CHANNELS`.
    rate : int
        One of `RATES`, or of `ACCELEROMETER_RATES` in that mode.
    bits : int
        16 or 24.
    mode : str
        One of `MODES`.
    high_pass : bool
        True to let the device remove frequencies below a 190th of the rate.
    gain : int
        One of `GAINS` for the number of bits.
    go : bool
        True to start, False to stop.
    """
    rates = ACCELEROMETER_RATES if mode == 'accelerometer' else RATES
    word = rates.index(rate) << 13 | CHANNELS.index(n_channels) << 11 | MODES[mode] << 8
    word |= (bits == 24) << 7 | high_pass << 6 | GAINS[bits][gain] << 4 | go
    return word.to_bytes(2, 'big')


def _gain_error(value: int) -> str | None:
    return None if value in (0, 2, 4, 6, 8) else 'expected 0, 2, 4, 6 or 8'


class Sessantaquattro(OtbProbe):
    """Sessantaquattro and Sessantaquattro+; the arguments are those of `Device`."""

    NAME = 'sessantaquattro'
    DEVICE = 'Sessantaquattro'
    PARAMETERS = (
        Parameter(
            'n_channels',
            64,
            'Number of channels that the device sends: 8, 16, 32 or 64.',
            check=lambda value: None if value in CHANNELS else 'expected 8, 16, 32 or 64',
        ),
        Parameter(
            'sampling_rate',
            2000,
            'Sampling rate, Hz: 500, 1000, 2000 or 4000.',
            check=lambda value: None if value in RATES else 'expected 500, 1000, 2000 or 4000',
        ),
        Parameter('mode', 'monopolar', 'Working mode.', choices=('monopolar', 'bipolar', 'differential', 'impedance', 'test')),
        Parameter(
            'bits',
            16,
            'Bits of a sample: 16 or 24.',
            check=lambda value: None if value in GAINS else 'expected 16 or 24',
        ),
        Parameter(
            'gain',
            0,
            'Gain of the amplifier: 4, 6 or 8; with 24 bits also 2; 0: the default of the device, 8 '
            'at 16 bits, 2 at 24 bits.',
            check=_gain_error,
        ),
        Parameter('high_pass', True, 'Let the device remove what is slower than a 190th of the rate.'),
        *probe_parameters(PORT),
    )  # fmt: skip

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        bits, gain = self._values['bits'], self._values['gain']
        if gain and gain not in GAINS[bits]:
            raise SourceError(
                f'Invalid parameters of the source {self.NAME}: gain: got {gain}, expected one of '
                f'{", ".join(map(str, sorted(GAINS[bits])))} at {bits} bits.'
            )

    @property
    def rate(self) -> float:
        return float(self._values['sampling_rate'])

    @property
    def gain(self) -> int:
        """Gain of the amplifier."""
        return int(self._values['gain']) or min(GAINS[self._values['bits']], key=self._gain_code)

    def _gain_code(self, gain: int) -> int:
        return GAINS[self._values['bits']][gain]

    @property
    def sample_bytes(self) -> int:
        return int(self._values['bits']) // 8

    @property
    def volt_per_count(self) -> float:
        # At 16 bits, the upper ones of 24 less two are sent.
        return FULL_SCALE_V / (self.gain * 2**24) * (4 if self._values['bits'] == 16 else 1)

    @property
    def input_volt_per_count(self) -> float:
        return INPUT_STEP[self._values['bits']]

    def command(self, go: bool) -> bytes:
        values = self._values
        return command_word(
            values['n_channels'],
            values['sampling_rate'],
            values['bits'],
            values['mode'],
            values['high_pass'],
            self.gain,
            go=go,
        )

    @property
    def n_inputs_sent(self) -> int:
        """Number of channels in an instant; in bipolar mode, half of the inputs."""
        n_channels = int(self._values['n_channels'])
        return n_channels // 2 if self._values['mode'] == 'bipolar' else n_channels

    def widths(self) -> Sequence[int]:
        return [self.n_inputs_sent + accessory for accessory in ACCESSORY_VALUES]

    def layout(self, width: int) -> tuple[list[str], slice | None, slice | None]:
        n_channels = self.n_inputs_sent
        inputs = slice(n_channels, n_channels + N_INPUTS)
        plus = width - n_channels == 8
        quaternion = slice(inputs.stop, inputs.stop + 4) if plus else None
        return [f'EMG{n + 1}' for n in range(n_channels)], quaternion, inputs
