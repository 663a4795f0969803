"""BrainFlow: boards by name, its synthetic board live through driver and decoder."""

from __future__ import annotations

import numpy as np
import pytest
from support.fake_device import check_stamps, gaps, reading
from support.graph import graph

from myogestic_ros.core.errors import SourceError, SourceWaiting
from myogestic_ros.sources.devices.brainflow import BrainFlow

pytest.importorskip('brainflow', exc_type=Exception)


def test_the_synthetic_board_streams_without_losses():
    with reading(BrainFlow({'board': 'Synthetic', 'channels': '2-3'})) as run:
        run.until(lambda: sum(chunk.n_samples for chunk in run.chunks()) > 500)
        health = run.source.health()
    assert not run.failures
    (info,) = run.infos
    assert (info.n_channels, info.sampling_rate, info.channel_names) == (
        2,
        250.0,
        ('EMG2', 'EMG3'),
    )
    chunks = run.chunks()
    assert not gaps(chunks)
    check_stamps(chunks)
    largest = np.abs(np.concatenate([chunk.data for chunk in chunks])).max()
    assert 1e-6 < largest < 1e-3  # volts, not microvolts
    assert 'Synthetic' in health['board']


def test_mindrove_is_the_same_with_another_library():
    pytest.importorskip('mindrove', exc_type=Exception)
    with reading(BrainFlow({'board': 'synthetic', 'library': 'mindrove'})) as run:
        run.until(lambda: sum(chunk.n_samples for chunk in run.chunks()) > 200)
    assert not run.failures


def test_an_unknown_board_is_refused_with_the_names_of_all():
    with pytest.raises(SourceError, match=r"no board 'cytron'.*cyton, ganglion"):
        BrainFlow({'board': 'cytron'}).open()


def test_a_board_that_is_not_there_is_waited_for(tmp_path):
    source = BrainFlow({'board': 'cyton', 'serial_port': str(tmp_path / 'absent')})
    reasons = set()
    while not any('switch the board cyton on' in reason for reason in reasons):
        with pytest.raises(SourceWaiting) as waiting:
            source.open()
        reasons.add(str(waiting.value))
    source.close()


def test_openings_after_one_another_leave_no_session():
    source = BrainFlow({'board': 'synthetic'})
    for _ in range(20):
        with reading(source) as run:
            run.until(run.chunks)
        source.close()
        assert not run.failures
    other = BrainFlow({'board': 'synthetic'})
    with reading(other) as run:
        run.until(run.chunks)
    assert not run.failures


@pytest.mark.processes
def test_the_synthetic_board_reaches_a_decoder_that_predicts(tmp_path):
    driver = {'source': 'brainflow', 'brainflow.board': 'synthetic'}
    with graph(tmp_path, driver=driver, recorder={}, pipeline={}) as g:
        for node in ('driver', 'recorder'):
            g.operator.transition(node, 'activate')
        for _ in range(2):
            for name in ('rest', 'fist'):
                g.operator.set_label(name)
                g.operator.spin(2.0)
        g.operator.transition('recorder', 'deactivate')
        (session,) = g.operator.sessions()
        g.operator.train(session)
        g.wait(lambda: 'Saved as' in g.operator.pipeline_message, 'the training')
        g.operator.trigger('pipeline/start_predicting')
        g.wait(lambda: len(g.operator.predictions) > 5, 'predictions')
