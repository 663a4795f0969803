"""The emergency stop does not wait for the executor of the bridge, with a real process."""

from __future__ import annotations

import os
import threading

import pytest
from lifecycle_msgs.srv import ChangeState
from std_srvs.srv import Trigger
from support.graph import set_domain
from support.hand_rig import hand_rig
from support.paths import ROOT

pytestmark = pytest.mark.processes


def test_emergency_stop_is_obeyed_while_a_configuration_waits_for_a_file(tmp_path):
    mapping = tmp_path / 'mapping.yaml'
    os.mkfifo(mapping)  # as a file on a network that is slow
    set_domain()
    with hand_rig(tmp_path) as rig:
        assert rig.transition('deactivate')
        assert rig.transition('cleanup')
        client = rig.node.create_client(ChangeState, 'bridge/change_state')
        parameters = rig.node.create_client(Trigger, 'bridge/arm')  # answered by the executor
        rig.set_parameter('mapping', str(mapping))
        request = ChangeState.Request()
        request.transition.label = 'configure'
        configured = client.call_async(request)
        unblocked = threading.Event()

        def feed():
            with mapping.open('w') as file:  # returns when the bridge reads it
                opened.set()
                unblocked.wait(60.0)
                file.write((ROOT / 'config' / 'mappings' / 'hand.yaml').read_text())

        opened = threading.Event()
        thread = threading.Thread(target=feed)
        thread.start()
        assert opened.wait(60.0)
        blocked = parameters.call_async(Trigger.Request())
        assert rig.call('emergency_stop').success
        rig.until(lambda: rig.status.stopped, 'stop')
        assert not configured.done()
        assert not blocked.done()
        unblocked.set()
        thread.join()
        rig.until(configured.done, 'configuration')
        assert configured.result().success
        rig.until(blocked.done, 'response of arm')
        assert not blocked.result().success
