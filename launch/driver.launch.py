"""Start the driver, which streams EMG from a source."""

from myogestic_ros.bringup.descriptions import describe


def generate_launch_description():
    return describe('driver')
