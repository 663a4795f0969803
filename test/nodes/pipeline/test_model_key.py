"""The pipeline node with a key: it signs what it saves, and loads no model without a signature."""

from __future__ import annotations

from pathlib import Path

import pytest
from rclpy.parameter import Parameter
from support.ros import ros_graph

from myogestic_ros.core.models.model_store import Manifest, ModelStore, open_store
from myogestic_ros.core.models.signing import create_key_pair
from myogestic_ros.core.streams.stream_spec import StreamSpec
from myogestic_ros.nodes.pipeline.node import PipelineNode
from myogestic_ros.srv import LoadModel

MANIFEST = Manifest('lda', [StreamSpec('emg', 200.0)], 50.0, 50.0, ['rest', 'fist'])


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


def test_unsigned_model_is_refused_and_a_signed_one_loaded(ros, tmp_path):
    private, public = create_key_pair(tmp_path / 'models.key')
    folder = tmp_path / 'models'
    ModelStore(folder).save('unsigned', Payload(tmp_path / 'touched'), MANIFEST)
    open_store(folder, str(private)).save('signed', {'weights': 1}, MANIFEST)
    node = ros.add(
        PipelineNode,
        decoder='lda',
        model_dir=str(folder),
        model_key=str(public),
        autostart='configure',
    )
    refused = ros.call(LoadModel, 'pipeline/load_model', name='unsigned')
    assert not refused.success
    assert "Model 'unsigned' is not signed" in refused.message
    assert not (tmp_path / 'touched').exists()
    loaded = ros.call(LoadModel, 'pipeline/load_model', name='signed')
    assert loaded.success, loaded.message
    (result,) = node.set_parameters([Parameter('model_key', value='')])
    assert not result.successful


def test_a_key_in_the_folder_of_the_models_keeps_the_node_unconfigured(ros, tmp_path):
    private, _ = create_key_pair(tmp_path / 'models' / 'models.key')
    node = ros.add(
        PipelineNode, decoder='lda', model_dir=str(tmp_path / 'models'), model_key=str(private)
    )
    assert not ros.change_state('pipeline', 'configure')
    assert 'is in the folder of the models' in node.status_message
