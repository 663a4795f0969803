"""Start the pipeline, which trains and predicts when it is asked to."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('pipeline')
