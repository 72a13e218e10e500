"""The lifecycle node: parameters in, engine and cameras wired, masks out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.task import Future
from rclpy.timer import Timer
from std_srvs.srv import Trigger

from unet_seg_ros.core.contract import ModelContract
from unet_seg_ros.core.errors import UserError
from unet_seg_ros.core.statistics import FrameStatistics
from unet_seg_ros.ros.camera import CameraChannel
from unet_seg_ros.ros.class_table import ClassTablePublisher
from unet_seg_ros.ros.diagnostics import (
    CameraHealth,
    ClockHealth,
    diagnostic_array,
    engine_status,
)
from unet_seg_ros.ros.engine import NodeEngine
from unet_seg_ros.ros.lifecycle import answer_impossible_requests, reported
from unet_seg_ros.ros.parameters import (
    Settings,
    declare_parameters,
    read_settings,
    refusal,
    unknown_parameters,
)
from unet_seg_ros.ros.process import steady_clock
from unet_seg_ros.ros.processing_time import ProcessingTimes
from unet_seg_ros.ros.qos_overrides import unused_overrides
from unet_seg_ros.ros.worker import SegmentationWorker


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
        self._clock_health: ClockHealth | None = None
        self._engine: NodeEngine | None = None
        self._worker: SegmentationWorker | None = None
        self._timer: Timer | None = None
        self._classes: ClassTablePublisher | None = None
        self._times: ProcessingTimes | None = None
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        declare_parameters(self)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.create_service(Trigger, '~/reset_statistics', self._reset_statistics)
        answer_impossible_requests(self)

    @reported
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load and warm up the model, create the publishers; inactive."""
        try:
            self._configure(read_settings(self))
        except UserError as e:
            if self.context.ok():  # else a signal has ended the opening of an engine
                self.get_logger().error(str(e))
            self.release()
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def _configure(self, settings: Settings) -> None:
        for line in unknown_parameters(self, self._parameter_overrides):
            self.get_logger().warning(line)
        # A mistake in the cameras is found before an engine is built for minutes.
        self._create_cameras(settings)
        self._engine = NodeEngine(self, settings, self.crashed, self._show_model)
        self._engine.supervisor.start()
        status = self._engine.supervisor.status()
        assert status is not None
        self._show_model(status.engine.backend.contract)

    @reported
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start the worker and subscribe to the cameras; active."""
        assert self._engine is not None
        assert self._times is not None
        result = super().on_activate(state)
        self._worker = SegmentationWorker(
            self._engine.supervisor, self._channels, self.crashed, self._times
        )
        self._worker.set_batch_wait(self.get_parameter('batch_wait_ms').value / 1e3)
        self._worker.start()
        for channel in self._channels:
            channel.subscribe(self._worker.offer)
            self.get_logger().info(
                f'{channel.image_topic} -> {channel.settings.name}/segmentation/mask'
            )
        for line in unused_overrides(self, self._parameter_overrides):
            self.get_logger().warning(line)
        return result

    @reported
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and end the worker; inactive."""
        self._stop()
        return super().on_deactivate(state)

    @reported
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Destroy the publishers and close the engine; unconfigured."""
        self.release()
        return super().on_cleanup(state)

    @reported
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything from any state; finalized."""
        self.release()
        return super().on_shutdown(state)

    @reported
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
        for owner in (*self._channels, self._classes, self._times):
            if owner is not None:
                owner.destroy()
        self._channels, self._health, self._classes, self._times = [], [], None, None
        # Forgotten first: a signal may interrupt the closing, and then nobody waits for it again.
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _stop(self) -> None:
        for channel in self._channels:
            channel.unsubscribe()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def _create_cameras(self, settings: Settings) -> None:
        name, silence_s = self._diagnostic_name(), settings.silence_warning_s
        for camera in settings.cameras:
            channel = CameraChannel(self, camera)
            channel.max_age_s = settings.max_age_s
            channel.offer_runs(settings.publish_rle)
            self._channels.append(channel)
            self._health.append(CameraHealth(name, channel, silence_s))
        self._clock_health = ClockHealth(self, silence_s)
        self._classes = ClassTablePublisher(self, [c.name for c in settings.cameras])
        self._times = ProcessingTimes(self)
        # On the steady clock: where simulated time stands still, somebody must still say so.
        self._timer = self.create_timer(
            settings.diagnostics_period_s, self._publish_diagnostics, clock=steady_clock()
        )

    def _show_model(self, contract: ModelContract) -> None:
        for channel in self._channels:
            channel.offer_model(contract)
        if self._classes is not None:
            self._classes.publish(contract)

    def _reset_statistics(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        for channel in self._channels:
            channel.statistics = FrameStatistics()
        response.success = bool(self._channels)
        response.message = (
            f'{len(self._channels)} cameras' if self._channels else 'the node is not configured'
        )
        return response

    def _diagnostic_name(self) -> str:
        return self.get_fully_qualified_name().lstrip('/')

    def _publish_diagnostics(self) -> None:
        if self._clock_health:
            self._clock_health.check()
        status = self._engine and self._engine.supervisor.status()
        if not status:
            return
        is_active = self._worker is not None
        name = self._diagnostic_name()
        statuses = [engine_status(name, status, is_active, self.crashed)]
        statuses += [health.status(is_active) for health in self._health]
        self._diagnostics.publish(diagnostic_array(self.get_clock().now().to_msg(), statuses))

    def _on_set_parameters(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        engine = self._engine
        for parameter in parameters:
            if why := refusal(parameter, is_configured=engine is not None):
                return SetParametersResult(successful=False, reason=why)
        if engine is None:
            return SetParametersResult(successful=True)
        values = {parameter.name: parameter.value for parameter in parameters}
        if 'model' in values and (why := engine.refuse_model(values['model'])):
            return SetParametersResult(successful=False, reason=why)
        for name, value in values.items():
            self._apply(engine, name, value)
        return SetParametersResult(successful=True)

    def _apply(self, engine: NodeEngine, name: str, value: Any) -> None:
        """Let the frames to come know what a parameter was set to."""
        if name == 'overlay_opacity':
            engine.supervisor.set_overlay_opacity(value)
        elif name == 'batch_wait_ms' and self._worker is not None:
            self._worker.set_batch_wait(value / 1e3)
        for channel in self._channels:
            if name == 'max_age_s':
                channel.max_age_s = value
            elif name == 'publish_rle':
                channel.offer_runs(value)
            elif name == f'{channel.settings.name}.max_rate_hz':
                channel.max_rate_hz = value
            elif name == f'{channel.settings.name}.min_confidence':
                channel.set_min_confidence(value)
