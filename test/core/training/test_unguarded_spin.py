"""A decoder file without a guard around `spin` can be imported and trained."""

from __future__ import annotations

from myogestic_ros.core.training.decoder_file import import_decoder, is_importing
from myogestic_ros.core.training.training_data import TrainingData

SCRIPT = """
from myogestic_ros import Pipeline

pipeline = Pipeline()


@pipeline.train
def train(data):
    return 'a model'


pipeline.spin()
"""


def test_unguarded_spin_starts_no_node_while_the_file_is_imported(tmp_path):
    file = tmp_path / 'unguarded.py'
    file.write_text(SCRIPT)
    pipeline = import_decoder(str(file)).pipeline
    assert not is_importing()
    pipeline.training_data = TrainingData([str(tmp_path)])
    assert pipeline.start_training()
    assert pipeline.wait_for_training(60)
    assert pipeline.model == 'a model', pipeline.status_message
    assert pipeline.training.pid is not None  # in a process, which imports the file again
