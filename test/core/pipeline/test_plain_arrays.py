"""Tests of plain arrays that are pushed into a pipeline."""

from __future__ import annotations

import numpy as np
import pytest

from myogestic_ros.core.errors import SignalError
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.stream_spec import StreamSpec

SIGNAL = np.random.default_rng(0).standard_normal((8, 2000)).astype(np.float32)


def pipeline_with(channels=None):
    pipeline = Pipeline(50.0, streams=[StreamSpec('emg', channels=channels)])
    pipeline.extract(lambda windows: windows['emg'].sum())
    pipeline.predict(lambda model, features: {'sum': float(features)})
    pipeline.use_model(1, '', [])
    assert pipeline.start_predicting()
    return pipeline


def test_arrays_give_the_predictions_of_chunks():
    arrays, chunks = pipeline_with(), pipeline_with()
    for start in range(0, 2000, 20):
        part = SIGNAL[:, start : start + 20]
        arrays.push('emg', part, sampling_rate=2000.0)
        chunks.push('emg', Chunk(start, start * 500_000, 2000.0, part.T))
        made, expected = ([(p.sample, p.values) for p in q.step()] for q in (arrays, chunks))
        assert made == expected
    assert arrays.counters.predictions > 40


def test_wrong_orientation_is_refused_where_it_can_be_known():
    words = r'shape \(20, 8\), expected \(8, n_samples\), channels first; transpose them'
    with pytest.raises(SignalError, match=words):
        pipeline_with(8).push('emg', SIGNAL[:, :20].T, sampling_rate=2000.0)
    pipeline = pipeline_with()
    pipeline.push('emg', SIGNAL[:, :20], sampling_rate=2000.0)
    with pytest.raises(SignalError, match=words):
        pipeline.push('emg', SIGNAL[:, :20].T)
    with pytest.raises(SignalError, match='sampling rate'):
        pipeline_with().push('emg', SIGNAL[:, :20])
