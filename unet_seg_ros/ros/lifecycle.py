"""What rclpy leaves to a lifecycle node: errors are said, impossible requests are answered."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from lifecycle_msgs.srv import ChangeState
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

N = TypeVar('N', bound=LifecycleNode)
Transition = Callable[[N, LifecycleState], TransitionCallbackReturn]


def reported(transition: Transition[N]) -> Transition[N]:
    """Log what a transition raises: rclpy itself swallows it without a word."""

    @wraps(transition)
    def reporting(node: N, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception:
            # A signal invalidates the context under whatever call is on its way just then.
            if node.context.ok():
                node.get_logger().fatal(f'{transition.__name__}: {traceback.format_exc()}')
            raise

    return reporting


def answer_impossible_requests(node: LifecycleNode) -> None:
    """
    Refuse a transition that is not possible from the present state, with an answer.

    rclpy lets the RCLError of one out of spin(), which ends the node and leaves the client without
    an answer (ros2/rclpy issue 1209).
    """
    service = node._service_change_state
    change_state = service.callback

    def answer(
        request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        try:
            return change_state(request, response)
        except rclpy_implementation.RCLError:
            node.get_logger().warning(
                f'lifecycle transition {request.transition.id} is not possible from state '
                f'{node._state_machine.current_state[1]}: refused'
            )
            response.success = False
            return response

    service.callback = answer
