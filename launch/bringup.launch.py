"""Bring up driver, recorder and pipeline, each configured; the driver streams at once."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = (
    ('namespace', '', 'Namespace of all nodes; one arm, one namespace.'),
    ('source', 'synthetic', 'Where samples come from: synthetic, replay, or another source.'),
    ('path', '', 'What the replay source plays: a session, or a recording.'),
    ('decoder', 'myogestic_ros.decoding.htd_lda', 'Decoder: path of a .py file, or a module.'),
    ('model', '', 'Name of the model to load at the start; none when empty.'),
    ('session_dir', 'sessions', 'Folder of the recorded sessions.'),
    ('model_dir', 'models', 'Folder of the models.'),
    ('use_sim_time', 'false', 'Whether to take the time from /clock: true or false.'),
    ('log_level', 'info', 'Log level: debug, info, warn, error.'),
)


def config(name):
    """Return the path of a node's parameter file."""
    return PathJoinSubstitution([FindPackageShare('myogestic_ros'), 'config', f'{name}.yaml'])


def text(name):
    """Return a launch argument that stays a string, whatever it looks like."""
    return ParameterValue(LaunchConfiguration(name), value_type=str)


def node(name, autostart, **parameters):
    """Return a node of this package that takes its first transitions by itself."""
    sim_time = ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)
    return LifecycleNode(
        package='myogestic_ros',
        executable=name,
        name=name,
        namespace=LaunchConfiguration('namespace'),
        parameters=[
            config(name),
            {'use_sim_time': sim_time, 'autostart': autostart, **parameters},
        ],
        ros_arguments=['--log-level', LaunchConfiguration('log_level')],
        output='screen',
    )


def generate_launch_description():
    """Describe the launch."""
    folders = {'session_dir': text('session_dir')}
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, default, description in ARGUMENTS
            ),
            node('driver', 'activate', source=text('source'), **{'replay.path': text('path')}),
            node('recorder', 'configure', **folders),
            node(
                'pipeline',
                'configure',
                decoder=text('decoder'),
                model=text('model'),
                model_dir=text('model_dir'),
                **folders,
            ),
        ]
    )
