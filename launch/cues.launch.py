"""Start the cues node, which runs guided protocols: ~/run_protocol."""

from myogestic_ros.nodes.launch_parts import describe


def generate_launch_description():
    return describe('cues')
