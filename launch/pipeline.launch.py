"""Start the pipeline, which trains and predicts on request."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('pipeline')
