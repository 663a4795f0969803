"""OT Bioelettronica Muovi, Due+ and Quattro+: wireless probes that dial in over TCP."""

from __future__ import annotations

from collections.abc import Sequence

from myogestic_ros.core.parameters import Parameter
from myogestic_ros.sources.devices.otb_probe import OtbProbe, probe_parameters

__all__ = ['GAIN_8', 'MODES', 'Muovi', 'control_byte', 'muovi_parameters']

PORT = 54321
GAIN_8 = 286.1e-9
"""Step of the converter at a gain of 8, V."""
DUE_PLUS = 249e-9
"""Step of the converter of Due+ and Quattro+, V."""
MODES = ('gain_8', 'gain_4', 'impedance', 'test')
"""Working modes by their number in the command."""
ACCESSORY_VALUES = 6
"""Quaternion, buffer with trigger, and counter."""
EMG_RATE, EEG_RATE = 2000.0, 500.0
PROBES = {'muovi': 32, 'due_plus': 2, 'quattro_plus': 4}
"""Number of channels of each probe."""


def control_byte(signal: str, mode: str, go: bool) -> bytes:
    """Return the command byte.

    Parameters
    ----------
    signal : str
        ``'EMG'``: 2000 Hz, 16 bit; ``'EEG'``: 500 Hz, 24 bit.
    mode : str
        One of `MODES`.
    go : bool
        True to start, False to stop; the probe then ends the connection.
    """
    return bytes([(signal == 'EMG') << 3 | MODES.index(mode) << 1 | go])


def muovi_parameters() -> tuple[Parameter, ...]:
    """Return the parameters of Muovi and Muovi+."""
    return (
        Parameter(
            'signal', 'EMG', 'EMG: 2000 Hz, 16 bit; EEG: 500 Hz, 24 bit.', choices=('EMG', 'EEG')
        ),
        Parameter('mode', 'gain_8', 'Working mode; gain_4 doubles the range.', choices=MODES),
        *probe_parameters(PORT),
    )


class Muovi(OtbProbe):
    """Muovi: 32 channels; also Due+ with 2 and Quattro+ with 4 channels.

    The arguments are those of `Device`.
    """

    NAME = 'muovi'
    DEVICE = 'Muovi'
    PARAMETERS = (
        Parameter('probe', 'muovi', 'Kind of the probe.', choices=tuple(PROBES)),
        *muovi_parameters(),
    )

    @property
    def n_channels(self) -> int:
        """Number of EMG channels."""
        return PROBES[self._values['probe']]

    @property
    def rate(self) -> float:
        return EMG_RATE if self._values['signal'] == 'EMG' else EEG_RATE

    @property
    def sample_bytes(self) -> int:
        return 2 if self._values['signal'] == 'EMG' else 3

    @property
    def volt_per_count(self) -> float:
        step = DUE_PLUS if self.n_channels < 32 else GAIN_8
        return 2 * step if self._values['mode'] == 'gain_4' else step

    def command(self, go: bool) -> bytes:
        return control_byte(self._values['signal'], self._values['mode'], go)

    def widths(self) -> Sequence[int]:
        """Return the usual width, and that of 16 channels, which old firmware has at gain 4."""
        usual = self.n_channels + ACCESSORY_VALUES
        return (usual, 16 + ACCESSORY_VALUES) if self.n_channels == 32 else (usual,)

    def layout(self, width: int) -> tuple[list[str], slice | None, slice | None]:
        n_channels = width - ACCESSORY_VALUES
        names = [f'EMG{n + 1}' for n in range(n_channels)]
        return names, slice(n_channels, n_channels + 4), None
