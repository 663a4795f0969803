"""Start the bridge, which drives a hand once it has been armed: ~/arm."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('bridge')
