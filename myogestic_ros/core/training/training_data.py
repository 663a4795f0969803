"""What a training works on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = ['TrainingData']


@dataclass
class TrainingData:
    """What the ``train`` callback gets.

    Attributes
    ----------
    paths : list of str
        Recorded sessions, each a rosbag2 folder.
    class_names : list of str
        Names of the classes; a class index points into it.
    classes : set of int
        Indices of the classes to train on; empty: all.
    streams : list of StreamSpec
        The streams that ``extract`` will get, the primary first, with the length of their
        windows; rate and channels once the sessions have been looked at.
    hop_ms : float
        Step between training windows, ms.
    settle_ms : float
        Time after each cue that training leaves out, ms: people react late.
    rotation : dict of str to int
        By how many places the channels of a stream are moved up before ``extract``, by name of
        the stream: an armband sits turned. Only an ``adapt`` callback meets it.
    targets : list of str
        Streams whose values a proportional decoder learns; empty: all but those of ``streams``.
    backend : str
        What a training spreads its work with, see `myogestic_ros.decoding.decoders.parallel.parallel`.
    """

    paths: list[str] = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    classes: set[int] = field(default_factory=set)
    streams: list[StreamSpec] = field(default_factory=lambda: [StreamSpec('emg')])
    hop_ms: float = 50.0
    settle_ms: float = 500.0
    rotation: dict[str, int] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    backend: str = 'threading'

    @property
    def is_empty(self) -> bool:
        """Whether there is no session to train on."""
        return not self.paths

    @property
    def window_ms(self) -> float:
        """Length of the primary stream's window, ms."""
        return self.streams[0].window_ms

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON types."""
        return asdict(self) | {
            'paths': [str(path) for path in self.paths],
            'classes': sorted(int(index) for index in self.classes),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainingData:
        """Return what `to_json` was called on."""
        return cls(
            paths=list(values['paths']),
            class_names=list(values['class_names']),
            classes=set(values['classes']),
            streams=[StreamSpec(**stream) for stream in values['streams']],
            hop_ms=values['hop_ms'],
            settle_ms=values.get('settle_ms', cls.settle_ms),
            rotation=dict(values.get('rotation', {})),
            targets=list(values.get('targets', [])),
            backend=values.get('backend', cls.backend),
        )
