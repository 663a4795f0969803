"""The parameter ``stream.<name>.rotation`` shifts the channels of live frames."""

from __future__ import annotations

import numpy as np
from rclpy.parameter import Parameter as RosParameter
from support.ros import ros_graph

from myogestic_ros.core.signals import Chunk
from myogestic_ros.nodes.pipeline.node import PipelineNode


def test_rotation_is_read_at_configure_and_may_change_later() -> None:
    chunk = Chunk(0, 0, 200.0, np.arange(8, dtype=np.float32).reshape(2, 4))
    with ros_graph() as ros:
        node = ros.add(PipelineNode, stream__emg__rotation=1, autostart='configure')
        rotated = node.rotation.apply('emg', chunk)
        assert rotated.data.tolist() == [[3, 0, 1, 2], [7, 4, 5, 6]]
        assert node.rotation.places == {'emg': 1}
        node.set_parameters([RosParameter('stream.emg.rotation', value=0)])
        assert node.rotation.apply('emg', chunk) is chunk
        assert node.rotation.places == {}
        node.set_parameters([RosParameter('stream.emg.rotation', value=-1)])
        assert node.rotation.apply('emg', chunk).data.tolist() == [[1, 2, 3, 0], [5, 6, 7, 4]]
        assert node.rotation.apply('glove', chunk) is chunk
