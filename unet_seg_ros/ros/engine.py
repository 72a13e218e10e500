"""The engine of a node: its events go to the log, and the parameter ``model`` replaces it."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.task import Future

from unet_seg_ros.core.backend import EngineOptions
from unet_seg_ros.core.contract import ModelContract
from unet_seg_ros.core.errors import UserError
from unet_seg_ros.ros.parameters import Settings, model_file
from unet_seg_ros.serving.events import EngineRequest, Listener
from unet_seg_ros.serving.supervisor import EngineSupervisor


class NodeEngine(Listener):
    """
    An engine supervisor wired to a node.

    Parameters
    ----------
    node : Node
        The node; what cannot be loaded is set back in its parameter ``model``.
    settings : Settings
        Its parameters.
    crashed : Future
        Receives the exception of a bug.
    on_model : callable
        Called in the executor's thread with the contract of a model that has taken over.

    Attributes
    ----------
    supervisor : EngineSupervisor
        The supervisor.

    """

    def __init__(
        self,
        node: Node,
        settings: Settings,
        crashed: Future,
        on_model: Callable[[ModelContract], None],
    ) -> None:
        """Open nothing yet."""
        self._node = node
        self._logger = node.get_logger()
        self._crashed = crashed
        self._on_model = on_model
        self._model = self._asked = str(node.get_parameter('model').value)
        self._is_restoring = False
        # Parameters are set in the executor's thread, which this wakes.
        self._end_of_swap = node.create_guard_condition(self._settle)
        request = EngineRequest(
            model=settings.model,
            backend=settings.backend,
            options=EngineOptions(
                precision=settings.precision,
                num_threads=settings.num_threads,
                gpu=settings.gpu,
                max_batch=settings.max_batch,
                cache=settings.engine_cache,
            ),
            cpu_fallback=settings.cpu_fallback,
        )
        self.supervisor = EngineSupervisor(request, self, settings.overlay_opacity)

    def close(self) -> None:
        """Close the engine and forget a swap that has not ended."""
        self.supervisor.close()
        self._node.destroy_guard_condition(self._end_of_swap)

    def refuse_model(self, value: str) -> str:
        """Begin to load the model of a new parameter value; return why not, or nothing."""
        if self._is_restoring:
            return ''
        try:
            self.supervisor.swap(model_file(value))
        except UserError as e:
            return str(e)
        self._asked = value
        return ''

    def _settle(self) -> None:
        """Let the parameter name the model that serves."""
        # Another swap has begun since: its end is still to come.
        if self.supervisor.is_swapping():
            return
        if self.supervisor.model == model_file(self._asked):
            self._model = self._asked
            if status := self.supervisor.status():
                self._on_model(status.engine.backend.contract)
            return
        self._is_restoring = True
        self._node.set_parameters([Parameter('model', value=self._model)])
        self._is_restoring = False

    def info(self, line: str) -> None:
        """Log it, unless the process is to end: the log is a topic too."""
        if not self.is_stopped():
            self._logger.info(line)

    def error(self, line: str) -> None:
        """Log it, likewise."""
        if not self.is_stopped():
            self._logger.error(line)

    def is_stopped(self) -> bool:
        """Return whether the node's context is shut down."""
        return not self._node.context.ok()

    def swapped(self) -> None:
        """Wake the executor."""
        self._end_of_swap.trigger()

    def crashed(self, error: Exception) -> None:
        """Hand it to the process, which ends with it."""
        self._crashed.set_exception(error)
