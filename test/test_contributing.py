"""The files for contributors name what exists, and the same versions as pyproject.toml."""

from __future__ import annotations

import re

import pytest
import yaml
from support.paths import ROOT

import myogestic_ros

CONTRIBUTING = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
TABLE = CONTRIBUTING.partition('## Where is …?')[2].partition('\n## ')[0]
PATH = re.compile(r'`([\w./-]+/[\w.-]*)`')


def test_questions_are_answered_by_existing_files() -> None:
    answers = PATH.findall(TABLE.partition('|---|---|')[2])
    assert TABLE.count('\n| … ') >= 10
    assert len(answers) >= 10
    assert not [path for path in answers if not (ROOT / 'myogestic_ros' / path).is_file()]


def test_paths_outside_the_table_exist() -> None:
    text = CONTRIBUTING.replace(TABLE, '')
    paths = [path for path in PATH.findall(text) if '<' not in path]
    layout = [path for path in paths if path.count('/') == 1 and path.endswith('/')]
    assert not [
        path
        for path in paths
        if not (ROOT / path).exists()
        and not (path in layout and (ROOT / 'myogestic_ros' / path).is_dir())
    ]


def test_layout_names_every_folder_of_the_package() -> None:
    folders = {
        path.name
        for path in (ROOT / 'myogestic_ros').iterdir()
        if (path / '__init__.py').is_file()
    }
    layout = CONTRIBUTING.partition('## Layout')[2].partition('\n## ')[0]
    assert folders <= set(re.findall(r'`(\w+)/`', layout))


@pytest.mark.parametrize('tool', ['ruff', 'codespell', 'yamllint'])
def test_pre_commit_uses_the_version_of_the_lint_extra(tool: str) -> None:
    project = (ROOT / 'pyproject.toml').read_text(encoding='utf-8')
    pinned = re.search(rf"'{tool}==([\d.]+)'", project)
    config = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text(encoding='utf-8'))
    revisions = {repo['repo'].rpartition('/')[2]: repo['rev'] for repo in config['repos']}
    assert pinned
    assert revisions['ruff-pre-commit' if tool == 'ruff' else tool] == f'v{pinned[1]}'


def test_citation_names_the_version_and_the_paper() -> None:
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    assert {'cff-version', 'message', 'title', 'authors'} <= set(citation)
    assert citation['version'] == myogestic_ros.__version__
    assert [reference['doi'] for reference in citation['references']] == ['10.1126/sciadv.ads9150']


def test_rosdoc2_builds_the_folder_of_the_documentation() -> None:
    text = (ROOT / 'rosdoc2.yaml').read_text(encoding='utf-8')
    _, config = yaml.safe_load_all(text)
    assert (ROOT / config['builders'][0]['sphinx']['sphinx_sourcedir']).is_dir()
    assert '<rosdoc2>rosdoc2.yaml</rosdoc2>' in (ROOT / 'package.xml').read_text()


def test_workflows_cover_the_supported_versions() -> None:
    def matrix(name: str) -> dict[str, list[str]]:
        text = (ROOT / '.github' / 'workflows' / name).read_text(encoding='utf-8')
        return dict(yaml.safe_load(text)['jobs']['test']['strategy']['matrix'])

    assert matrix('pip.yml') == {
        'python': ['3.10', '3.11', '3.12', '3.13'],
        'ros': ['kilted', 'jazzy'],
    }
    assert sorted(matrix('colcon.yml')['ros']) == ['jazzy', 'kilted']
