"""Actors of a drive: traffic, and the vehicle with its two cameras; destroyed together."""

from __future__ import annotations

from random import Random
from typing import Any

from unet_seg_ros.collect.interrupt import undisturbed
from unet_seg_ros.collect.options import CollectOptions, ServerError
from unet_seg_ros.collect.pairing import ImagePairs
from unet_seg_ros.collect.simulator import Simulator

#: The vehicle that carries the cameras, the first that the server has: a car of common size,
#: since in a lorry the camera's place would lie inside the body.
EGO_MODELS = ('vehicle.tesla.model3', 'vehicle.lincoln.*', 'vehicle.*')
#: Speed of a pedestrian [m/s].
WALK_M_S = 1.4


class Actors:
    """
    What was spawned for one purpose; a context manager that destroys it at its end.

    Parameters
    ----------
    simulator : Simulator
        In a town.
    options : CollectOptions
        Traffic and cameras.
    random : Random
        Chooses places and models.
    """

    def __init__(self, simulator: Simulator, options: CollectOptions, random: Random) -> None:
        """Begin with none."""
        self._simulator = simulator
        self._options = options
        self._random = random
        self._ids: list[int] = []
        self._running: list[Any] = []

    def __enter__(self) -> Actors:
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Destroy all, parts before wholes, and none while it sends or steers."""
        attempt, destroy = self._simulator.attempt, self._simulator.carla.command.DestroyActor
        with undisturbed():
            for actor in reversed(self._running):
                if not attempt(actor.stop):
                    # Each of the others would take as long to fail.
                    break
            commands = [destroy(actor_id) for actor_id in reversed(self._ids)]
            attempt(self._simulator.client.apply_batch_sync, commands, False)

    def spawn_vehicles(self, num: int) -> int:
        """Spawn vehicles on autopilot; return how many found room. One place stays free."""
        command = self._simulator.carla.command
        drive = command.SetAutopilot(command.FutureActor, True, self._options.tm_port)
        places = self._shuffled_places()[1 : num + 1]
        return len(
            self._spawn(
                [
                    command.SpawnActor(self._any_model('vehicle.*'), place).then(drive)
                    for place in places
                ]
            )
        )

    def spawn_walkers(self, num: int) -> int:
        """Spawn pedestrians that walk about; return how many found room."""
        carla, world = self._simulator.carla, self._simulator.world
        places = [world.get_random_location_from_navigation() for _ in range(num)]
        walkers = self._spawn(
            [
                carla.command.SpawnActor(
                    self._any_model('walker.pedestrian.*'),
                    carla.Transform(place, carla.Rotation()),
                )
                for place in places
                if place is not None
            ]
        )
        steering = world.get_blueprint_library().find('controller.ai.walker')
        controllers = self._spawn(
            [carla.command.SpawnActor(steering, carla.Transform(), walker) for walker in walkers]
        )
        for controller in world.get_actors(controllers):
            controller.start()
            self._running.append(controller)
            goal = world.get_random_location_from_navigation()
            if goal is not None:
                controller.go_to_location(goal)
            controller.set_max_speed(WALK_M_S)
        return len(walkers)

    def spawn_ego(self) -> tuple[Any, ImagePairs]:
        """
        Spawn the vehicle at a free place, on autopilot, and its cameras.

        Returns
        -------
        tuple
            The vehicle, and what its cameras send from the next tick on.

        Raises
        ------
        ServerError
            If no place is free.

        """
        world = self._simulator.world
        library = world.get_blueprint_library()
        models = next(found for found in map(library.filter, EGO_MODELS) if len(found))
        model = models[0]
        model.set_attribute('role_name', 'hero')  # large maps are loaded around the hero
        tried = (world.try_spawn_actor(model, place) for place in self._shuffled_places())
        ego = next((actor for actor in tried if actor is not None), None)
        if ego is None:
            raise ServerError(
                f'{self._simulator.current_town} has no free place; give fewer --vehicles'
            )
        self._ids.append(ego.id)
        ego.set_autopilot(True, self._options.tm_port)
        pairs = ImagePairs()
        self._spawn_camera('sensor.camera.rgb', ego).listen(pairs.rgb.put)
        self._spawn_camera('sensor.camera.semantic_segmentation', ego).listen(pairs.semantic.put)
        return ego, pairs

    def _spawn_camera(self, kind: str, ego: Any) -> Any:
        carla, world, mount = self._simulator.carla, self._simulator.world, self._options.mount
        model = world.get_blueprint_library().find(kind)
        model.set_attribute('image_size_x', str(self._options.size.width))
        model.set_attribute('image_size_y', str(self._options.size.height))
        model.set_attribute('fov', str(self._options.fov_deg))
        place = carla.Transform(
            carla.Location(x=mount.x_m, y=mount.y_m, z=mount.z_m),
            carla.Rotation(pitch=mount.pitch_deg),
        )
        camera = world.spawn_actor(model, place, attach_to=ego)
        self._ids.append(camera.id)
        self._running.append(camera)
        return camera

    def _spawn(self, commands: list[Any]) -> list[int]:
        """Run spawn commands and a tick; return the ids of those that found room."""
        responses = self._simulator.client.apply_batch_sync(commands, True)
        ids = [response.actor_id for response in responses if not response.error]
        self._ids += ids
        return ids

    def _any_model(self, pattern: str) -> Any:
        # Sorted, since the server's order is its own and a seed shall choose the same again.
        models = self._simulator.world.get_blueprint_library().filter(pattern)
        return self._random.choice(sorted(models, key=lambda model: str(model.id)))

    def _shuffled_places(self) -> list[Any]:
        places = list(self._simulator.world.get_map().get_spawn_points())
        self._random.shuffle(places)
        return places
