"""
A run of the recorder: drive after drive, one pair of images every few ticks.

Not verified against a CARLA server: see the package.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, groupby
from random import Random
from typing import Any

from unet_seg_ros.collect.actors import Actors
from unet_seg_ros.collect.interrupt import interruptible
from unet_seg_ros.collect.options import CollectOptions
from unet_seg_ros.collect.pairing import ImagePairs
from unet_seg_ros.collect.plan import (
    DrivePlan,
    check_weathers,
    choose_towns,
    schedule,
    tag_count,
)
from unet_seg_ros.collect.recording import Recording
from unet_seg_ros.collect.simulator import (
    STEP_S,
    Simulator,
    import_carla,
    server_errors,
    weather_presets,
)

#: Time for the vehicle to settle and for the exposure to adapt, not recorded [ticks].
WARM_UP_TICKS = 20
#: A vehicle slower than this stands [m/s].
STANDSTILL_M_S = 0.1
#: A stand longer than this is no red light, which lasts for less than a minute [ticks].
STUCK_TICKS = round(60.0 / STEP_S)


class Standstill:
    """Whether a vehicle has stood for too long, told from its speed at each tick."""

    def __init__(self) -> None:
        """Begin as if it had just moved."""
        self._num_ticks = 0

    def is_stuck_at(self, speed_m_s: float) -> bool:
        """Take the speed at the next tick."""
        self._num_ticks = self._num_ticks + 1 if speed_m_s < STANDSTILL_M_S else 0
        return self._num_ticks > STUCK_TICKS


def collect(options: CollectOptions, tell: Callable[[str], None]) -> None:
    """
    Record all drives; at the end, however it comes, the server is as it was.

    Parameters
    ----------
    options : CollectOptions
        What, from where and to where.
    tell : callable
        Receives a line for each drive, warnings, and at the end what was kept.

    Raises
    ------
    UserError
        If the server lacks something, does not answer or loses a frame, or the folder cannot be
        written; frames recorded before stay.
    KeyboardInterrupt
        On Ctrl-C, SIGTERM or SIGHUP; further ones are ignored.

    """
    carla = import_carla()
    presets = weather_presets(carla)
    check_weathers(options.weathers, presets)
    with interruptible(), server_errors(f'CARLA at {options.host}:{options.port}'):
        simulator = Simulator(carla, options, tell)
        available = simulator.client.get_available_maps()
        towns = choose_towns(options.towns, available, simulator.current_town)
        recording = Recording(options.output, _about(simulator, options), append=options.append)
        first_seed = options.seed + len(recording.drives)
        plans = schedule(towns, options.weathers, presets, first_seed)
        try:
            for town, drives in groupby(plans, key=lambda plan: plan.town):
                with simulator.town(town):
                    for plan in drives:
                        tell(f'{plan.town}, {plan.weather}, seed {plan.seed}')
                        _record_drive(simulator, plan, options, recording)
        finally:
            num_frames = sum(drive['frames'] for drive in recording.drives)
            tell(f'{options.output}: {num_frames} frames in {len(recording.drives)} drives')


def _record_drive(
    simulator: Simulator, plan: DrivePlan, options: CollectOptions, recording: Recording
) -> None:
    random = Random(plan.seed)
    simulator.prepare(plan.weather, plan.seed)
    with Actors(simulator, options, random) as traffic:
        recording.begin(
            plan,
            every_ticks=options.every_ticks,
            vehicles=traffic.spawn_vehicles(options.num_vehicles),
            walkers=traffic.spawn_walkers(options.num_walkers),
        )
        while recording.num_frames < options.num_frames:
            if recording.num_frames:
                recording.mark_jump()
            with Actors(simulator, options, random) as own:
                ego, pairs = own.spawn_ego()
                _record_until_stuck(simulator.world, ego, pairs, options, recording)


def _record_until_stuck(
    world: Any,
    ego: Any,
    pairs: ImagePairs,
    options: CollectOptions,
    recording: Recording,
) -> None:
    """Record until the drive is complete or its vehicle is to be replaced."""
    for _ in range(WARM_UP_TICKS):
        world.tick()
    standstill = Standstill()
    for tick in count():
        # Each tick waits for its images, so that a slow renderer cannot fall behind.
        rgb, semantic = pairs.take(world.tick(), options.timeout_s)
        if tick % options.every_ticks == 0:
            recording.add(rgb, semantic)
        if recording.num_frames == options.num_frames:
            return
        velocity = ego.get_velocity()
        if standstill.is_stuck_at((velocity.x**2 + velocity.y**2 + velocity.z**2) ** 0.5):
            return


def _about(simulator: Simulator, options: CollectOptions) -> dict[str, Any]:
    return {
        'server_version': simulator.server_version,
        'client_version': simulator.client_version,
        'tags': tag_count(simulator.server_version),
        'camera': {
            'width': options.size.width,
            'height': options.size.height,
            'fov_deg': options.fov_deg,
            'mount': options.mount._asdict(),
        },
        'fixed_step_s': STEP_S,
    }
