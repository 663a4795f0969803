"""``myogestic fake``: a fake device as a program."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Annotated

import typer

from myogestic_ros.cli.console import report_errors
from myogestic_ros.core.untrusted import printable
from myogestic_ros.sources.fakes.cadence import Faults
from myogestic_ros.sources.fakes.fake import Fake, FakeSettings
from myogestic_ros.sources.fakes.registry import fake_class, fake_names

__all__ = ['fake']


def fake(
    name: Annotated[str, typer.Argument(help=f'Device: {", ".join(fake_names())}.')],
    connect: Annotated[
        str,
        typer.Option(
            help='Address of the driver, for devices that dial in; or address to listen on.'
        ),
    ] = '127.0.0.1',
    port: Annotated[int, typer.Option(help='Port; 0: the one of the device.')] = 0,
    channels: Annotated[int, typer.Option(help='EMG channels; 0: as the device has.')] = 0,
    sampling_rate: Annotated[
        float, typer.Option(help='Sampling rate, Hz; 0: as the device has, or is commanded.')
    ] = 0.0,
    signal: Annotated[
        str,
        typer.Option(help='Signal: arm (simulated), pattern, or the path of a recording.'),
    ] = 'arm',
    follow: Annotated[
        str,
        typer.Option(help='ROS topic of labels that the simulated arm follows; empty: none.'),
    ] = '',
    drop: Annotated[float, typer.Option(help='Share of the packets to lose, 0 to 1.')] = 0.0,
    stall: Annotated[
        float, typer.Option(help='Every 2 s, hold packets back for that time, s.')
    ] = 0.0,
    drift_ppm: Annotated[float, typer.Option(help="Deviation of the device's clock, ppm.")] = 0.0,
    disconnect_after: Annotated[
        float, typer.Option(help='Cut each connection after that time, s; 0: never.')
    ] = 0.0,
    seed: Annotated[int, typer.Option(help='Seed of the random faults.')] = 1,
    option: Annotated[
        list[str] | None,
        typer.Option('--set', help='Further setting of a device, name=value; see its page.'),
    ] = None,
) -> None:
    """Run a fake device that streams at true cadence, until Ctrl-C. It prints a line for each event."""
    with report_errors():
        settings = FakeSettings(
            host=connect,
            port=port,
            channels=channels,
            sampling_rate=sampling_rate,
            signal=signal,
            faults=Faults(drop, stall, drift_ppm, disconnect_after, seed),
            options=dict(text.partition('=')[::2] for text in option or ()),
        )
        device = fake_class(name)(settings, lambda line: print(printable(line), flush=True))
        with _stopped_by_signals(device), _following(device, follow):
            device.run()


@contextlib.contextmanager
def _stopped_by_signals(device: Fake) -> Iterator[None]:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: device.stop())
    yield


@contextlib.contextmanager
def _following(device: Fake, topic: str) -> Iterator[None]:
    """Hand the labels on a ROS topic to the device."""
    if not topic:
        yield
        return
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from rclpy.signals import SignalHandlerOptions

    from myogestic_ros.msg import Label
    from myogestic_ros.nodes.common import qos
    from myogestic_ros.nodes.common.conversions import label_from_ros

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node('fake_device')
    node.create_subscription(
        Label, topic, lambda message: device.set_label(label_from_ros(message)), qos.LABEL_INPUT
    )

    def spin() -> None:
        with contextlib.suppress(ExternalShutdownException):
            rclpy.spin(node)

    thread = threading.Thread(target=spin, name='labels', daemon=True)
    thread.start()
    try:
        yield
    finally:
        rclpy.try_shutdown()
        thread.join()
        node.destroy_node()
