"""Lifecycle node: refused and failed transitions, requested deactivation, parameters."""

from __future__ import annotations

import threading

import pytest
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter as RosParameter
from support.ros import ros_graph

from myogestic_ros.core.errors import MyoGesticError, StateError
from myogestic_ros.core.parameters import Parameter
from myogestic_ros.msg import NodeStatus
from myogestic_ros.nodes.common import qos
from myogestic_ros.nodes.common.lifecycle_node import ManagedNode

TABLE = (
    Parameter('rate', 2.0, 'Hz.', minimum=0.0, maximum=10.0),
    Parameter('count', 1, 'N.', minimum=1, maximum=5),
    Parameter('mode', 'slow', 'How.', choices=('slow', 'fast')),
    Parameter('names', ['a', 'b'], 'Names.'),
    Parameter('levels', [0.5], 'V.'),
    Parameter('flag', False, 'A flag.'),
    Parameter('shoes', 'boots', 'Shoes.', used_at='configure'),
    Parameter('route', 'home', 'Way.', used_at='activation'),
)


class Walker(ManagedNode):
    """A node whose transitions raise the exceptions in `fails`."""

    active_state = 'walking'

    def __init__(self, **kwargs):
        super().__init__('walker', **kwargs)
        self.declare_table(TABLE)
        self.declare_table(TABLE[:1], 'leg.')
        self.fails = {}
        self.done = []
        self.changed = []

    def _do(self, name):
        self.done.append(name)
        if name in self.fails:
            raise self.fails[name]

    def configure(self):
        self._do('configure')

    def activate(self):
        self._do('activate')
        self.status_message = 'Walking.'

    def deactivate(self):
        self._do('deactivate')

    def cleanup(self):
        self._do('cleanup')

    def value_error(self, name, value):
        return 'expected a way on land' if value == 'sea' else None

    def apply_parameters(self, names):
        self.changed.append(names)


@pytest.fixture
def ros():
    with ros_graph() as graph:
        yield graph


@pytest.fixture
def walker(ros):
    return ros.add(Walker)


def test_refused_transition_keeps_the_state_and_publishes_the_reason(ros, walker):
    status = ros.listen(NodeStatus, 'walker/status', qos.STATUS)
    walker.request_transition('configure')
    walker.fails['activate'] = StateError('There is no floor; lay one.')
    assert walker.request_transition('activate') == (False, 'There is no floor; lay one.')
    ros.until(lambda: status and status[-1].message == 'There is no floor; lay one.', 'reason')
    assert status[-1].state == 'idle'
    walker.set_status('')
    assert not ros.change_state('walker', 'activate')
    ros.until(lambda: status[-1].message == 'There is no floor; lay one.', 'reason')
    assert ros.state('walker') == 'inactive'
    walker.fails.clear()
    assert walker.request_transition('activate') == (True, 'Walking.')
    ros.until(lambda: status[-1].state == 'walking', 'active state')


def test_unexpected_error_in_activate_is_undone(ros, walker):
    walker.request_transition('configure')
    walker.fails['activate'] = RuntimeError('oh')
    success, message = walker.request_transition('activate')
    assert not success
    assert message == "Failed to activate: RuntimeError('oh')"
    assert walker.done == ['configure', 'activate', 'deactivate']
    assert ros.state('walker') == 'inactive'
    walker.fails.clear()
    assert ros.change_state('walker', 'activate')


@pytest.mark.parametrize('error', [StateError('no'), RuntimeError('oh')])
def test_failed_configure_is_cleaned_up(ros, walker, error):
    walker.fails['configure'] = error
    assert not walker.request_transition('configure')[0]
    assert walker.done == ['configure', 'cleanup']
    assert ros.state('walker') == walker.lifecycle_state == 'unconfigured'
    walker.fails.clear()
    assert walker.request_transition('configure')[0]


@pytest.mark.parametrize('transition', ['deactivate', 'cleanup'])
def test_node_can_be_configured_again_after_a_failed_transition(ros, walker, transition):
    walker.request_transition('configure')
    if transition == 'deactivate':
        walker.request_transition('activate')
    walker.fails[transition] = RuntimeError('oh')
    assert not ros.change_state('walker', transition)
    assert ros.state('walker') == walker.lifecycle_state == 'unconfigured'
    walker.fails.clear()
    assert walker.request_transition('configure')[0]
    assert walker.request_transition('activate')[0]


def test_impossible_transition_is_refused_with_the_state(walker):
    assert walker.request_transition('activate') == (
        False,
        "Cannot activate walker: the node is 'unconfigured', expected 'inactive'; configure it "
        'first.',
    )
    walker.request_transition('configure')
    assert "is 'inactive', expected 'active'." in walker.request_transition('deactivate')[1]


def test_refusal_names_the_requested_action(walker):
    def start():
        return walker.request_transition('activate', 'start walking')

    def stop():
        return walker.request_transition('deactivate', 'stop walking')

    assert stop() == (False, 'Cannot stop walking: not walking.')
    assert start() == (
        False,
        "Cannot start walking: the node is 'unconfigured', expected 'inactive'; configure it "
        'first.',
    )
    walker.request_transition('configure')
    assert stop() == (False, 'Cannot stop walking: not walking.')
    walker.fails['activate'] = RuntimeError('oh')
    assert start() == (False, "Failed to start walking: RuntimeError('oh')")
    walker.fails.clear()
    assert start() == (True, 'Walking.')
    assert start() == (False, 'Cannot start walking: already walking.')
    assert stop()[0]


def test_request_deactivation_works_from_any_thread(ros, walker):
    status = ros.listen(NodeStatus, 'walker/status', qos.STATUS)
    walker.request_transition('configure')
    walker.request_transition('activate')
    thread = threading.Thread(target=walker.request_deactivation, args=('The floor is gone.',))
    thread.start()
    thread.join()
    ros.until(lambda: status and status[-1].message == 'The floor is gone.', 'reason')
    assert status[-1].state == 'idle'
    assert ros.state('walker') == 'inactive'


def test_request_deactivation_does_not_affect_a_later_activation(ros, walker):
    walker.request_transition('configure')
    walker.request_transition('activate')
    walker.request_deactivation('The floor is gone.')  # the executor has not run the request yet
    walker.request_transition('deactivate')
    walker.request_transition('activate')
    assert ros.state('walker') == 'active'
    assert walker.status_message == 'Walking.'


def test_shutdown_deactivates_and_cleans_up(ros, walker):
    walker.request_transition('configure')
    walker.request_transition('activate')
    assert ros.change_state('walker', 'shutdown')
    assert walker.done[-2:] == ['deactivate', 'cleanup']
    assert walker.lifecycle_state == 'finalized'


@pytest.mark.parametrize('wanted', ['', 'configure', 'activate'])
def test_autostart_takes_the_transitions(ros, wanted):
    ros.add(Walker, autostart=wanted)
    state = {'': 'unconfigured', 'configure': 'inactive', 'activate': 'active'}[wanted]
    assert ros.state('walker') == state


# -- parameters -------------------------------------------------------------------------------


def parameter_messages(values):
    """Return parameters as a service request holds them."""
    return [RosParameter(name, value=value).to_parameter_msg() for name, value in values.items()]


def test_all_invalid_values_are_reported_at_once(ros, walker):
    values = {'rate': 11.0, 'count': 0, 'mode': 'medium', 'names': [1], 'flag': 1, 'leg.rate': 'x'}
    answer = ros.call(
        SetParametersAtomically,
        'walker/set_parameters_atomically',
        parameters=parameter_messages(values),
    )
    assert not answer.result.successful
    reasons = answer.result.reason.split('; ')
    assert len(reasons) == len(values)
    assert 'rate: got 11.0, expected 0 to 10' in reasons
    assert "leg.rate: got 'x', expected a number" in reasons  # by its full name
    assert 'names: got [1], expected a list of strings' in reasons
    assert walker.get_parameter('count').value == 1
    with pytest.raises(MyoGesticError) as caught:
        ros.add(Walker, rate=11.0, count=0)
    assert 'rate: got 11.0' in str(caught.value)
    assert 'count: got 0' in str(caught.value)


def test_whole_numbers_and_empty_lists_are_accepted(ros, walker):
    walker.request_transition('configure')
    values = {'rate': 4, 'names': [], 'leg.rate': 3}
    answer = ros.call(
        SetParameters, 'walker/set_parameters', parameters=parameter_messages(values)
    )
    assert all(result.successful for result in answer.results), answer
    assert walker.parameter_values(TABLE)['names'] == []
    rate = walker.get_parameter('rate').value
    assert (rate, type(rate)) == (4.0, float)
    assert walker.changed == [{'rate'}, {'names'}, {'leg.rate'}]


def set_together(ros, **values):
    """Set parameters of the walker atomically; return success and reason."""
    answer = ros.call(
        SetParametersAtomically,
        'walker/set_parameters_atomically',
        parameters=parameter_messages(values),
    )
    return answer.result.successful, answer.result.reason


def test_result_says_when_a_value_is_used(ros, walker):
    def one(name):
        return set_together(ros, **{name: 'x'})

    assert one('shoes') == one('route') == (True, '')
    walker.request_transition('configure')
    assert one('shoes') == (True, 'used at the next configure')
    assert one('route') == (True, '')
    walker.request_transition('activate')
    assert one('route') == (True, 'used at the next activation')
    assert set_together(ros, shoes='x', route='y', rate=1.0) == (
        True,
        'shoes: used at the next configure; route: used at the next activation',
    )
    assert set_together(ros, rate=2.0) == (True, '')


def test_value_that_cannot_be_used_is_refused(ros, walker):
    assert set_together(ros, route='sea') == (
        False,
        "route: got 'sea', expected a way on land",
    )
    assert walker.get_parameter('route').value == 'home'


def test_parameters_of_rclpy_are_not_passed_to_apply_parameters(ros, walker):
    walker.request_transition('configure')
    values = {'rate': 4.0, 'use_sim_time': False}
    ros.call(
        SetParametersAtomically,
        'walker/set_parameters_atomically',
        parameters=parameter_messages(values),
    )
    assert walker.changed == [{'rate'}]


def test_read_only_parameter_cannot_be_set(ros, walker):
    answer = ros.call(
        SetParameters,
        'walker/set_parameters',
        parameters=parameter_messages({'autostart': 'activate'}),
    )
    assert 'read-only' in answer.results[0].reason
