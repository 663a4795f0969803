"""The input of a training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from myogestic_ros.core.public_address import public_address
from myogestic_ros.core.streams.stream_spec import StreamSpec

__all__ = ['TrainingData']


@public_address
@dataclass
class TrainingData:
    """Input of the ``train`` and ``adapt`` callbacks.

    Attributes
    ----------
    paths : list of str
        Paths of recorded sessions, each a rosbag2 folder.
    class_names : list of str
        Names of the classes, by class index. If empty, the names in the sessions are filled in.
    classes : set of int
        Indices of the classes to train on; empty: all.
    streams : list of StreamSpec
        The streams whose windows ``extract`` gets, the primary stream first, with the length of
        the windows in ms. Sampling rate (Hz), number of channels and filters are filled in before
        ``train`` is called.
    hop_ms : float
        Step between training windows, in ms.
    settle_ms : float
        Time after each cue that is left out, in ms, because people react with a delay.
    rotation : dict of str to int
        Number of places by which the channels of a stream are shifted up before ``extract``, by
        stream, to compensate for a rotated armband. Set only for ``adapt``.
    targets : list of str
        Streams whose values a proportional decoder learns; empty: all that are not in
        ``streams``.
    backend : str
        Joblib backend for parallel work in the training, see
        `myogestic_ros.decoding.decoders.parallel.parallel`.
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
        """True if there are no sessions to train on."""
        return not self.paths

    @property
    def window_ms(self) -> float:
        """Length of the window of the primary stream, in ms."""
        return self.streams[0].window_ms

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a dict of JSON types."""
        return asdict(self) | {
            'paths': [str(path) for path in self.paths],
            'classes': sorted(int(index) for index in self.classes),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainingData:
        """Return the data from a dict that `to_json` returned."""
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
