"""Tests of scripts that start a training when they are run."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

SCRIPT = """
from myogestic_ros.core.pipeline.pipeline import Pipeline
from myogestic_ros.core.training.training_data import TrainingData

pipeline = Pipeline()

class Model:
    pass

@pipeline.train
def train(data):
    return Model()

pipeline.training_data = TrainingData(paths=['somewhere'])
"""
RUN = """
pipeline.start_training()
pipeline.wait_for_training(30)
print(pipeline.status_message, type(pipeline.model) is Model, pipeline.training.pid is not None)
"""


def run_script(tmp_path, text):
    (tmp_path / 'script.py').write_text(text)
    command = [sys.executable, 'script.py']
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(os.path.abspath, sys.path)))
    return subprocess.run(
        command,
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_guarded_script_trains_in_a_process(tmp_path):
    guarded = "if __name__ == '__main__':" + textwrap.indent(RUN, '    ')
    out = run_script(tmp_path, SCRIPT + guarded).stdout
    assert out.strip() == 'Training is done. True True'


def test_unguarded_script_fails_instead_of_starting_more_processes(tmp_path):
    out = run_script(tmp_path, SCRIPT + RUN).stdout
    assert 'Training failed: a training cannot start another one' in out
    assert "if __name__ == '__main__':" in out
