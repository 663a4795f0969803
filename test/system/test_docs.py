"""The code in the README and the docs does what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from bags import protocol, write
from graph import graph

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]


def blocks():
    """Return name → code of each block that is marked as one to be tested."""
    found = {}
    for page in PAGES:
        text = page.read_text()
        pattern = r'<!-- test: (\S+) -->\n```python\n(.*?)```'
        found.update(dict(re.findall(pattern, text, flags=re.DOTALL)))
        assert text.count('```python') == len(re.findall(pattern, text, flags=re.DOTALL)), page
    return found


@pytest.fixture
def session(tmp_path):
    """A session with two classes."""
    cues = [(0, 'rest', 1.0), (1, 'fist', 1.0)] * 2
    return write(tmp_path / 'sessions' / 's1', protocol(cues, channels=4))


def test_all_blocks_are_tested():
    assert set(blocks()) == {'own_decoder.py', 'windows.py', 'by_hand.py', 'repetitions.py'}


def test_a_decoder_of_ones_own(tmp_path, session):
    file = tmp_path / 'own_decoder.py'
    file.write_text(blocks()['own_decoder.py'])
    with graph(tmp_path, pipeline={'decoder': str(file)}) as g:
        lines: list[str] = []
        g.operator.on_training_log = lines.append
        g.operator.train('s1')
        g.wait(lambda: 'Saved as' in g.operator.pipeline_message, 'the training')
        g.operator.spin(0.2)
        assert any(line.endswith(' windows') for line in lines)
        g.operator.trigger('pipeline/start_predicting')


def test_a_decoder_becomes_the_node(tmp_path):
    file = tmp_path / 'own_decoder.py'
    file.write_text(blocks()['own_decoder.py'])
    process = subprocess.Popen(
        [sys.executable, str(file), '--ros-args', '-p', 'autostart:=configure'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)  # it runs
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_windows(session):
    namespace: dict = {}
    exec(blocks()['windows.py'], namespace)
    classes, repetitions = namespace['count']([session])
    assert set(classes) == {0, 1}
    assert set(repetitions) == {(n, r) for n in ('rest', 'fist') for r in (0, 1)}


def test_repetitions(session):
    namespace: dict = {}
    exec(blocks()['repetitions.py'], namespace)
    expected = [('rest', 0), ('fist', 0), ('rest', 1), ('fist', 1)]
    assert namespace['completed'](session) == expected


def test_by_hand(capsys):
    exec(blocks()['by_hand.py'], {})
    assert capsys.readouterr().out.splitlines()[0] == '399 fist'


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r'\]\(([^)#]+)\)', page.read_text()):
            if not target.startswith('http'):
                assert (page.parent / target).exists(), (page.name, target)
