"""Start the bridge, which drives a hand after ~/arm is called."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('bridge')
