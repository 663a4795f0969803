"""Start the simulated hand; rviz:=true shows it in RViz."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('hand')
