"""Parameter files and docs say what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.paths import ROOT

from myogestic_ros.core.parameters import Parameter, check_values
from myogestic_ros.nodes.bridge.parameters import BRIDGE
from myogestic_ros.nodes.common.lifecycle_node import MANAGED
from myogestic_ros.nodes.cues.parameters import CUES
from myogestic_ros.nodes.driver.node import DRIVER
from myogestic_ros.nodes.hand.node import HAND
from myogestic_ros.nodes.pipeline.parameters import PIPELINE, stream_table
from myogestic_ros.nodes.recorder.node import RECORDER
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.replay import Replay
from myogestic_ros.sources.synthetic import Synthetic


def prefixed(prefix, table):
    """Return a table with longer names."""
    return {f'{prefix}{row.name}': row for row in table}


TABLES = {
    'driver': {
        **prefixed('', (*DRIVER, *MANAGED)),
        **prefixed('synthetic.', Synthetic.PARAMETERS),
        **prefixed('replay.', Replay.PARAMETERS),
    },
    'recorder': prefixed('', (*RECORDER, *MANAGED)),
    'bridge': prefixed('', (*BRIDGE, *MANAGED)),
    'hand': prefixed('', (*HAND, *MANAGED)),
    'cues': prefixed('', (*CUES, *MANAGED)),
    'pipeline': {
        **prefixed('', (*PIPELINE, *MANAGED)),
        **prefixed('stream.emg.', stream_table('emg')),
    },
}


def flat(values, prefix=''):
    """Return nested parameters by their full names."""
    found = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found.update(flat(value, f'{prefix}{name}.'))
        else:
            found[prefix + name] = value
    return found


@pytest.mark.parametrize('node', TABLES)
def test_the_parameter_file_holds_every_parameter_with_its_default(node):
    content = yaml.safe_load((ROOT / 'config' / f'{node}.yaml').read_text())
    values = flat(content['/**']['ros__parameters'])
    assert values == {name: row.default for name, row in TABLES[node].items()}
    for name, value in values.items():
        assert type(value) is type(TABLES[node][name].default), name


@pytest.mark.parametrize('node', TABLES)
def test_every_parameter_is_described_and_its_default_is_legal(node):
    for row in TABLES[node].values():
        assert row.description.endswith('.')
        assert row.validation_error(row.default) is None


@pytest.mark.parametrize('node', TABLES)
def test_the_docs_name_every_parameter(node):
    text = (ROOT / 'docs' / 'reference' / 'nodes.md').read_text()
    for name in TABLES[node]:
        assert f'`{name}`' in text, name


def test_the_mapping_file_is_the_default():
    path = ROOT / 'config' / 'recordings' / 'myo.yaml'
    assert RecordingFormat.from_mapping(Path('/nowhere'), str(path), {}) == RecordingFormat()


def test_all_faults_are_reported_at_once():
    table = (
        Parameter('rate', 1.0, 'Hz.', minimum=0.0, maximum=2.0),
        Parameter('count', 1, 'N.'),
        Parameter('name', 'a', 'A name.', choices=('a', 'b')),
        Parameter('flag', True, 'A flag.'),
    )
    assert check_values(table, {'rate': 2, 'count': 3, 'name': 'b', 'flag': False}) == []
    faults = check_values(table, {'rate': 3.0, 'count': 1.5, 'name': 'c', 'flag': 1, 'nothing': 0})
    assert len(faults) == 5
    assert 'rate: got 3.0, expected 0 to 2' in faults
