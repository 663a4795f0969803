"""Start the driver, which streams EMG of a source."""

from myogestic_ros.nodes.launch_parts import describe


def generate_launch_description():
    return describe('driver')
