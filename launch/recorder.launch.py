"""Start the recorder, which records after ~/start_recording is called."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('recorder')
