"""OT Bioelettronica Muovi+: a wireless probe of 64 channels."""

from __future__ import annotations

from collections.abc import Sequence

from myogestic_ros.sources.devices.muovi import ACCESSORY_VALUES, Muovi, muovi_parameters

__all__ = ['MuoviPlus']


class MuoviPlus(Muovi):
    """Muovi+: as `Muovi`, with 64 channels."""

    NAME = 'muovi_plus'
    DEVICE = 'Muovi+'
    PARAMETERS = muovi_parameters()

    @property
    def n_channels(self) -> int:
        return 64

    def widths(self) -> Sequence[int]:
        """Return the usual width, and that of 32 channels, which one source names for gain 4."""
        return (64 + ACCESSORY_VALUES, 32 + ACCESSORY_VALUES)
