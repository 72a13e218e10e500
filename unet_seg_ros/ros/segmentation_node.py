"""The lifecycle node: parameters in, engine and cameras wired, masks out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import wraps
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.parameter import Parameter
from rclpy.task import Future
from rclpy.timer import Timer
from rclpy.utilities import ok, try_shutdown

from unet_seg_ros.core.backend import Backend
from unet_seg_ros.core.errors import UserError
from unet_seg_ros.core.segmenter import Segmenter
from unet_seg_ros.inference import open_backend
from unet_seg_ros.ros.camera import CameraChannel
from unet_seg_ros.ros.diagnostics import CameraHealth, diagnostic_array, engine_status
from unet_seg_ros.ros.parameters import (
    Settings,
    declare_parameters,
    read_settings,
    refusal,
)
from unet_seg_ros.ros.shared_memory import prepare
from unet_seg_ros.ros.worker import SegmentationWorker

Transition = Callable[['SegmentationNode', LifecycleState], TransitionCallbackReturn]


def _reported(transition: Transition) -> Transition:
    """Log what a transition raises: rclpy itself swallows it without a word."""

    @wraps(transition)
    def reporting(node: SegmentationNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except UserError as e:
            node.get_logger().error(str(e))
            node.release()
            return TransitionCallbackReturn.FAILURE
        except Exception as e:
            node.get_logger().fatal(f'{transition.__name__}: {type(e).__name__}: {e}')
            raise

    return reporting


class SegmentationNode(LifecycleNode):
    """
    Segments camera images; see the README for its topics and parameters.

    Attributes
    ----------
    crashed : Future
        Done with an exception if a bug ended the inference thread.

    Raises
    ------
    ConfigurationError
        If a parameter has the wrong type or is out of its range.

    """

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters; unconfigured."""
        super().__init__('segmentation_node', **kwargs)
        self.crashed: Future = Future()
        self._channels: list[CameraChannel] = []
        self._health: list[CameraHealth] = []
        self._engine = ExitStack()
        self._backend: Backend | None = None
        self._segmenter: Segmenter | None = None
        self._worker: SegmentationWorker | None = None
        self._timer: Timer | None = None
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        declare_parameters(self)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._survive_impossible_requests()

    @_reported
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm up the model, create the publishers; inactive."""
        settings = read_settings(self)
        self._backend = self._engine.enter_context(
            open_backend(
                settings.model, settings.backend, settings.precision, settings.num_threads
            )
        )
        self._segmenter = Segmenter(self._backend, settings.overlay_opacity)
        self._segmenter.warm_up()
        self._create_cameras(settings)
        self.get_logger().info(
            f'{self._backend.contract.name} on {self._backend.name} {self._backend.precision}, '
            f'input {self._backend.contract.input_size}'
        )
        return super().on_configure(state)

    @_reported
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and subscribe to the cameras; active."""
        assert self._segmenter is not None
        result = super().on_activate(state)
        self._worker = SegmentationWorker(self._segmenter, self._channels, self.crashed)
        self._worker.start()
        for channel in self._channels:
            channel.subscribe(self._worker.offer)
            self.get_logger().info(
                f'{channel.image_topic} -> {channel.settings.name}/segmentation/mask'
            )
        return result

    @_reported
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and end the worker; inactive."""
        self._stop()
        return super().on_deactivate(state)

    @_reported
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Destroy the publishers and close the engine; unconfigured."""
        self.release()
        return super().on_cleanup(state)

    @_reported
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything from any state; finalized."""
        self.release()
        return super().on_shutdown(state)

    @_reported
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything after a failed transition; unconfigured."""
        self.release()
        return super().on_error(state)

    def release(self) -> None:
        """Free all that configure and activate made; harmless in any state."""
        self._stop()
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None
        for channel in self._channels:
            channel.destroy()
        self._channels, self._health = [], []
        self._segmenter = self._backend = None
        self._engine.close()

    def _stop(self) -> None:
        for channel in self._channels:
            channel.unsubscribe()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def _create_cameras(self, settings: Settings) -> None:
        self._channels = [CameraChannel(self, camera) for camera in settings.cameras]
        name, silence_s = self.get_name(), settings.silence_warning_s
        self._health = [CameraHealth(name, channel, silence_s) for channel in self._channels]
        self._timer = self.create_timer(settings.diagnostics_period_s, self._publish_diagnostics)

    def _publish_diagnostics(self) -> None:
        if self._backend is None:
            return
        is_active = self._worker is not None
        statuses = [engine_status(self.get_name(), self._backend, is_active)]
        statuses += [health.status(is_active) for health in self._health]
        self._diagnostics.publish(diagnostic_array(self.get_clock().now().to_msg(), statuses))

    def _on_set_parameters(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        is_configured = self._backend is not None
        for parameter in parameters:
            if why := refusal(parameter, is_configured):
                return SetParametersResult(successful=False, reason=why)
        for parameter in parameters:
            if parameter.name == 'overlay_opacity' and self._segmenter is not None:
                self._segmenter.renderer.overlay_opacity = parameter.value
        return SetParametersResult(successful=True)

    def _survive_impossible_requests(self) -> None:
        # rclpy lets the RCLError of an impossible transition out of spin(), which ends the node
        # and leaves the client without an answer (ros2/rclpy issue 1209).
        service = self._service_change_state
        change_state = service.callback

        def answer(
            request: ChangeState.Request, response: ChangeState.Response
        ) -> ChangeState.Response:
            try:
                return change_state(request, response)
            except rclpy_implementation.RCLError:
                self.get_logger().warning(
                    f'lifecycle transition {request.transition.id} is not possible from state '
                    f'{self._state_machine.current_state[1]}: refused'
                )
                response.success = False
                return response

        service.callback = answer


def _start(node: SegmentationNode) -> bool:
    if not node.get_parameter('autostart').value:
        return True
    success = TransitionCallbackReturn.SUCCESS
    return bool(node.trigger_configure() == success and node.trigger_activate() == success)


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to end; 1 if it could not start by itself."""
    notice = prepare()
    rclpy.init(args=args)
    node = None
    try:
        node = SegmentationNode()
        if notice:
            node.get_logger().info(notice)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        if not _start(node):
            return 1
        executor.spin_until_future_complete(node.crashed)
        if node.crashed.done():
            node.crashed.result()
    except UserError as e:
        get_logger('segmentation_node').fatal(str(e))
        return 1
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except rclpy_implementation.RCLError:
        # A signal invalidates the context under whatever call is on its way just then.
        if ok():
            raise
    finally:
        if node is not None:
            node.release()
            node.destroy_node()
        try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
