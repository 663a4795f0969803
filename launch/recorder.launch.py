"""Start the recorder, which waits for ~/start_recording."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('recorder')
