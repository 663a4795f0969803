"""Streams of electrodes that sit turned: their channels are turned back as frames come in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from myogestic_ros.core.signals import Chunk

__all__ = ['ChannelRotation']


class ChannelRotation:
    """What the parameters ``stream.<name>.rotation`` of a node say; they may change at any time.

    Parameters
    ----------
    node : Node
        Whose parameters they are.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._places: dict[str, int] = {}
        node.add_post_set_parameters_callback(self._take)

    def _take(self, parameters: list[Any]) -> None:
        """Take over what was declared or set."""
        for parameter in parameters:
            _, _, rest = parameter.name.partition('stream.')
            if parameter.name.startswith('stream.') and rest.endswith('.rotation'):
                self._places[rest.removesuffix('.rotation')] = int(parameter.value)

    @property
    def places(self) -> dict[str, int]:
        """By how many places the channels of each stream are moved up, where they are."""
        return {name: count for name, count in self._places.items() if count}

    def turn(self, stream: str, chunk: Chunk) -> Chunk:
        """Return a chunk with its channels turned back."""
        count = self._places.get(stream, 0)
        return replace(chunk, data=np.roll(chunk.data, count, axis=1)) if count else chunk
