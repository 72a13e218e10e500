"""A CARLA server: the one place that imports carla, and leaves the world as it was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from unet_seg_ros.collect.interrupt import undisturbed
from unet_seg_ros.collect.options import CollectOptions, ServerError
from unet_seg_ros.collect.plan import map_name
from unet_seg_ros.core.errors import one_line

#: Simulated time from tick to tick; CARLA's physics want less than 0.1 s.
STEP_S = 0.05

# How the client library tells that the server did not answer: "time-out of 5000ms while ...".
_TIME_OUT = 'time-out'


def import_carla() -> Any:
    """Return the client library, which takes its time to load."""
    import carla

    return carla


def weather_presets(carla: Any) -> list[str]:
    """Return the names of the weathers that the client library knows."""
    kind = carla.WeatherParameters
    presets = [name for name, value in vars(kind).items() if isinstance(value, kind)]
    # Of Default all numbers are -1: it leaves the weather to the map.
    return [name for name in presets if name != 'Default']


@contextmanager
def server_errors(where: str) -> Iterator[None]:
    """Tell in one line what the client library raises: RuntimeErrors, whatever went wrong."""
    try:
        yield
    except RuntimeError as e:
        raise ServerError(f'{where}: {one_line(e)}') from e


class Simulator:
    """
    A server and the world that it has loaded.

    Parameters
    ----------
    carla : module
        The client library.
    options : CollectOptions
        Host, ports and timeout.
    tell : callable
        Receives lines for the user.

    Attributes
    ----------
    world, traffic
        The loaded world and its traffic manager; within `town` both are synchronous.

    Raises
    ------
    ServerError
        If no server answers.

    """

    def __init__(self, carla: Any, options: CollectOptions, tell: Callable[[str], None]) -> None:
        """Connect, and remember the settings of the world."""
        self.carla = carla
        self._options = options
        self._tell = tell
        try:
            self.client = carla.Client(options.host, options.port)
            self.client.set_timeout(options.timeout_s)
            self.server_version: str = self.client.get_server_version()
            self.world = self.client.get_world()
        except RuntimeError as e:
            raise ServerError(
                f'no CARLA server at {options.host}:{options.port}; start CARLA, or give --host, '
                f'--port or a longer --timeout ({one_line(e)})'
            ) from e
        self.client_version: str = self.client.get_client_version()
        if self.client_version != self.server_version:
            tell(
                f'warning: the client is CARLA {self.client_version}, the server '
                f'{self.server_version}; if calls fail, pip install carla=={self.server_version}, '
                'if there is one for this Python'
            )
        self._settings = self.world.get_settings()

    @property
    def current_town(self) -> str:
        """The name of the loaded map."""
        return map_name(self.world.get_map().name)

    @contextmanager
    def town(self, name: str) -> Iterator[None]:
        """Load a town unless it is loaded, and step it by hand; at the end it runs as before."""
        port = self._options.tm_port
        if name != self.current_town:
            with server_errors(f'loading {name} (a slow server needs a longer --timeout)'):
                self.world = self.client.load_world(name)
        # Undone in reverse: the traffic manager first, which would wait for ticks else.
        undo = ExitStack()
        try:
            undo.callback(self.attempt, self.world.apply_settings, self._settings)
            undo.callback(self.attempt, self.world.set_weather, self.world.get_weather())
            settings = self.world.get_settings()
            settings.synchronous_mode = True
            settings.fixed_delta_seconds = STEP_S
            settings.no_rendering_mode = False  # cameras see nothing without
            self.world.apply_settings(settings)
            with server_errors(f'traffic manager, --tm-port {port}'):
                self.traffic = self.client.get_trafficmanager(port)
            undo.callback(self.attempt, self.traffic.set_synchronous_mode, False)
            self.traffic.set_synchronous_mode(True)
            yield
        finally:
            with undisturbed():
                undo.close()

    def prepare(self, weather: str, seed: int) -> None:
        """Set the weather, and the seeds of all that moves by itself."""
        self.world.set_weather(getattr(self.carla.WeatherParameters, weather))
        self.world.set_pedestrians_seed(seed)
        self.traffic.set_random_device_seed(seed)

    def attempt(self, call: Callable[..., object], *arguments: object) -> bool:
        """
        Make a call of the clean-up; the others are to follow even where this one fails.

        Returns
        -------
        bool
            Whether the server answered, be it with an error.

        """
        try:
            call(*arguments)
        except RuntimeError as e:
            self._tell(f'warning: not all of the server was put back: {one_line(e)}')
            return _TIME_OUT not in str(e)
        return True
