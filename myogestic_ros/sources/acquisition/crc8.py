"""CRC-8/MAXIM-DOW, the check of OT Bioelettronica's commands and of serial packets."""

from __future__ import annotations

__all__ = ['crc8']

POLYNOMIAL = 0x8C
"""x^8 + x^5 + x^4 + 1, lowest bit first."""


def _table() -> bytes:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return bytes(table)


TABLE = _table()


def crc8(data: bytes) -> int:
    """Return the check of bytes: 0xA1 of ``b'123456789'``."""
    check = 0
    for byte in data:
        check = TABLE[check ^ byte]
    return check
