"""A pipeline whose predict waits at a gate, and who sees what it predicts."""

from __future__ import annotations

import threading

import numpy as np

from myogestic_ros.core.pipeline.observer import Observer
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.signals import Chunk
from myogestic_ros.core.streams.stream_spec import StreamSpec

RATE = 2000.0


class Watcher(Observer):
    def __init__(self):
        self.predictions = []

    def predicted(self, prediction):
        self.predictions.append(prediction)


class Gate:
    """A predict that waits until it is let through."""

    def __init__(self):
        self.entered, self.open = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, model, features):
        self.entered.release()
        assert self.open.acquire(timeout=20)
        return {'model': model, 'features': features}


def chunk(index, n=40):
    stamp_ns = round(index * n * 1e9 / RATE)
    return Chunk(index * n, stamp_ns, RATE, np.full((n, 2), index, np.float32))


def ready(predict):
    pipeline = Pipeline(50.0, streams=[StreamSpec('emg', 20.0)])
    pipeline.extract(lambda windows: float(windows['emg'][0, -1]))
    pipeline.predict(predict)
    pipeline.use_model('model', 'm1', ['rest'])
    pipeline.observer = Watcher()
    return pipeline


def stepping(pipeline):
    thread = threading.Thread(target=pipeline.step)
    thread.start()
    return thread
