"""Reservation of a ROS domain: exclusive, released when the process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from myogestic_ros.demo.__main__ import main
from myogestic_ros.demo.ros_domain import DOMAINS, isolated_domain, reserve_domain
from myogestic_ros.sessions.storage.file_lock import lock_file

TAKE = """
from myogestic_ros.demo.ros_domain import isolated_domain
with isolated_domain() as domain:
    print(domain, flush=True)
    input()
"""


@pytest.fixture
def no_domain_set(monkeypatch):
    """Unset ROS_DOMAIN_ID and the discovery range."""
    monkeypatch.delenv('ROS_DOMAIN_ID', raising=False)
    monkeypatch.delenv('ROS_AUTOMATIC_DISCOVERY_RANGE', raising=False)


def test_reserved_domain_is_exclusive_and_released_by_a_kill(no_domain_set):
    with subprocess.Popen(
        [sys.executable, '-c', TAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        theirs = int(process.stdout.readline())
        domain, kept = reserve_domain(theirs)
        kept.close()
        assert domain != theirs
        process.kill()
    domain, kept = reserve_domain(theirs)
    kept.close()
    assert domain == theirs


def test_isolated_domain_is_set_and_restored(no_domain_set):
    with isolated_domain() as domain:
        assert os.environ['ROS_DOMAIN_ID'] == str(domain)
        assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv('ROS_DOMAIN_ID')
            with isolated_domain() as other:
                assert other not in (None, domain)
    assert 'ROS_DOMAIN_ID' not in os.environ


def test_domain_set_by_user_is_kept(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '0')
    with isolated_domain() as domain:
        assert domain is None
        assert os.environ['ROS_DOMAIN_ID'] == '0'


def test_reserved_port_belongs_to_the_domain():
    domain, kept = reserve_domain(DOMAINS[-1])
    port = kept.getsockname()[1]
    kept.close()
    assert 7400 + 250 * domain <= port < 7400 + 250 * (domain + 1)
    assert port < 32768  # the ephemeral port range of Linux starts here


@pytest.fixture
def signals():
    """Restore the signal handlers after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures('signals')
def test_output_folder_is_locked(tmp_path, capsys):
    with (tmp_path / '.lock').open('w') as lock:
        assert lock_file(lock)
        assert main(['--out', str(tmp_path)]) == 1
    assert 'Another demo is writing to' in capsys.readouterr().out
