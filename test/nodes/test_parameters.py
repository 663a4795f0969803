"""Parameter files and the tables in docs/reference/nodes.md agree with the declared parameters.

Run this file with ``python`` to rewrite the tables in the docs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from myogestic_ros.core.parameters import Parameter, check_values
from myogestic_ros.nodes.bridge.parameters import BRIDGE
from myogestic_ros.nodes.common.lifecycle_node import MANAGED
from myogestic_ros.nodes.cues.parameters import CUES
from myogestic_ros.nodes.driver.node import DRIVER
from myogestic_ros.nodes.hand.node import HAND
from myogestic_ros.nodes.pipeline.parameters import PIPELINE, stream_table
from myogestic_ros.nodes.recorder.node import RECORDER
from myogestic_ros.sources.importers.mapping import RecordingFormat
from myogestic_ros.sources.registry import device_names, source_factory
from myogestic_ros.sources.replay import Replay
from myogestic_ros.sources.synthetic import Synthetic

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / 'docs' / 'reference' / 'nodes.md'


def prefixed(prefix, table):
    """Return the rows of a table by name with a prefix."""
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

COMMON = prefixed('', MANAGED)

DEVICES = {
    name: prefixed(f'{name}.', source_factory(name).PARAMETERS)
    for name in (*device_names(), 'topic')
}
"""Parameters of the source of each device: config/devices/<name>.yaml, docs/devices/<name>.md."""


def flat(values, prefix=''):
    """Return nested parameters by full name."""
    found = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found.update(flat(value, f'{prefix}{name}.'))
        else:
            found[prefix + name] = value
    return found


def number(value):
    """Return a bound as text without exponent."""
    return str(int(value)) if float(value).is_integer() else str(value)


def table_line(name, row):
    """Return the line of a parameter in the docs."""
    text = row.description
    if row.minimum is not None and row.maximum is not None:
        text += f' {number(row.minimum)} to {number(row.maximum)}.'
    if row.choices:
        text += f' One of {", ".join(map(repr, row.choices))}.'
    if row.read_only:
        text += ' Read-only.'
    if row.used_at:
        text += f' Used at the next {row.used_at}.'
    return f'| `{name}` | `{row.default!r}` | {text} |'


def sections(text):
    """Return the section of each node in the docs."""
    parts = re.split(r'^## (\w+)', text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rewrite_docs():
    """Update the lines of all parameters that the docs contain already."""
    lines = []
    node = None
    for line in DOCS.read_text().splitlines():
        heading = re.match(r'## (\w+)', line)
        node = heading[1] if heading else node
        cell = re.match(r'\| `([\w.]+)` \|', line)
        row = TABLES.get(node, COMMON).get(cell[1]) if cell else None
        lines.append(table_line(cell[1], row) if row is not None else line)
    DOCS.write_text('\n'.join(lines) + '\n')
    for name, table in DEVICES.items():
        page = DOCS.parents[1] / 'devices' / f'{name}.md'
        rows = ''.join(table_line(*item) + '\n' for item in table.items())
        text = re.sub(r'(?m)^\| `\w+\.\w+` \|.*\n', '', page.read_text())
        head = '| parameter | default | meaning |\n|---|---|---|\n'
        page.write_text(text.replace(head, head + rows))


@pytest.mark.parametrize('name', DEVICES)
def test_file_and_page_of_a_device_contain_all_its_parameters(name):
    file = ROOT / 'config' / 'devices' / f'{name}.yaml'
    values = flat(yaml.safe_load(file.read_text())['/**']['ros__parameters'])
    assert values.pop('source') == name
    assert values == {key: row.default for key, row in DEVICES[name].items()}
    for key, value in values.items():
        row = DEVICES[name][key]
        assert type(value) is type(row.default), key
        assert row.description.endswith('.')
        assert row.validation_error(row.default) is None
    lines = (ROOT / 'docs' / 'devices' / f'{name}.md').read_text().splitlines()
    rows = [line for line in lines if line.startswith(f'| `{name}.')]
    assert rows == [table_line(*item) for item in DEVICES[name].items()]


@pytest.mark.parametrize('node', TABLES)
def test_parameter_file_contains_all_parameters_with_their_defaults(node):
    content = yaml.safe_load((ROOT / 'config' / f'{node}.yaml').read_text())
    values = flat(content['/**']['ros__parameters'])
    assert values == {name: row.default for name, row in TABLES[node].items()}
    for name, value in values.items():
        assert type(value) is type(TABLES[node][name].default), name


@pytest.mark.parametrize('node', TABLES)
def test_parameters_have_a_description_and_a_valid_default(node):
    for row in TABLES[node].values():
        assert row.description.endswith('.')
        assert row.validation_error(row.default) is None


@pytest.mark.parametrize('node', TABLES)
def test_docs_describe_all_parameters_as_declared(node):
    lines = sections(DOCS.read_text())[node].splitlines()
    for name, row in TABLES[node].items():
        if name not in COMMON:
            assert table_line(name, row) in lines


def test_docs_describe_the_common_parameters_as_declared():
    lines = DOCS.read_text().splitlines()
    for name, row in COMMON.items():
        assert table_line(name, row) in lines


def test_example_mapping_file_contains_the_defaults():
    path = ROOT / 'config' / 'recordings' / 'myo.yaml'
    assert RecordingFormat.from_mapping(Path('/nowhere'), str(path), {}) == RecordingFormat()


def test_check_values_returns_all_errors():
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


if __name__ == '__main__':
    rewrite_docs()
