"""Parameter files read by commands: sections, nested names, errors."""

from __future__ import annotations

import pytest

from myogestic_ros.cli.parameter_file import read_parameters
from myogestic_ros.core.errors import MyoGesticError
from myogestic_ros.decoding.postprocessing.parameters import POST

TEXT = """
/**:
  ros__parameters:
    use_sim_time: true
    post: {majority_vote: 3, reject_below: 0.5}
/left/pipeline:
  ros__parameters:
    post.majority_vote: 5
driver:
  ros__parameters:
    post.majority_vote: 7
"""


def test_sections_and_nested_names_are_read(tmp_path):
    file = tmp_path / 'p.yaml'
    file.write_text(TEXT)
    found = read_parameters(file, 'pipeline', POST)
    assert found == {'post.majority_vote': 5, 'post.reject_below': 0.5}


def test_all_invalid_values_are_listed_with_their_lines(tmp_path):
    file = tmp_path / 'p.yaml'
    file.write_text(TEXT.replace('0.5', '7.0').replace('vote: 5', 'vote: none'))
    with pytest.raises(
        MyoGesticError, match=r'line 8: post.majority_vote: .*; line 5: post.reject_below: got 7'
    ):
        read_parameters(file, 'pipeline', POST)


@pytest.mark.parametrize('text', ['a: 1', '- 1', 'pipeline: {}', 'pipeline: {ros__parameters: 1}'])
def test_file_without_parameters_is_refused(tmp_path, text):
    file = tmp_path / 'p.yaml'
    file.write_text(text)
    with pytest.raises(MyoGesticError, match='is no parameter file'):
        read_parameters(file, 'pipeline', POST)


@pytest.mark.parametrize('text', ['{', 'x: [1'])
def test_invalid_yaml_is_refused(tmp_path, text):
    file = tmp_path / 'p.yaml'
    file.write_text(text)
    with pytest.raises(MyoGesticError, match='is not valid YAML: line 1'):
        read_parameters(file, 'pipeline', POST)
    with pytest.raises(MyoGesticError, match='No such file'):
        read_parameters(tmp_path / 'absent.yaml', 'pipeline', POST)


def test_duplicate_keys_are_refused(tmp_path):
    file = tmp_path / 'p.yaml'
    file.write_text(TEXT + '    post.majority_vote: 9\n')
    with pytest.raises(MyoGesticError, match="line 12: duplicate key 'post.majority_vote'"):
        read_parameters(file, 'pipeline', POST)
