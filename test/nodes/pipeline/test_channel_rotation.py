"""Channels of a band that sits turned are turned back, live."""

from __future__ import annotations

import numpy as np
from rclpy.parameter import Parameter as RosParameter
from support.ros import ros_graph

from myogestic_ros.core.signals import Chunk
from myogestic_ros.nodes.pipeline.node import PipelineNode


def test_rotation_may_be_given_and_changed_while_it_runs() -> None:
    chunk = Chunk(0, 0, 200.0, np.arange(8, dtype=np.float32).reshape(2, 4))
    with ros_graph() as ros:
        node = ros.add(PipelineNode, stream__emg__rotation=1, autostart='configure')
        turned = node.rotations.turn('emg', chunk)
        assert turned.data.tolist() == [[3, 0, 1, 2], [7, 4, 5, 6]]
        assert node.rotations.places == {'emg': 1}
        node.set_parameters([RosParameter('stream.emg.rotation', value=0)])
        assert node.rotations.turn('emg', chunk) is chunk
        assert node.rotations.places == {}
        node.set_parameters([RosParameter('stream.emg.rotation', value=-1)])
        assert node.rotations.turn('emg', chunk).data.tolist() == [[1, 2, 3, 0], [5, 6, 7, 4]]
        assert node.rotations.turn('glove', chunk) is chunk
