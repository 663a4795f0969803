"""An adapt callback that another process can import."""

from __future__ import annotations

from support.decoders import Mean


def adapt(model, data):
    """Return a model with one channel more for each session, and one class more."""
    if 'nothing' in data.paths:
        return None
    data.class_names = [*data.class_names, 'new']
    return Mean(model.n_channels + len(data.paths))
