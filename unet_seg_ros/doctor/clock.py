"""The clock: whether simulated time runs where it is asked for, and stamps belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from unet_seg_ros.core.finding import Finding, fail, ok, warn

_SUBJECT = 'clock'

# A camera, its driver and the network together take less; another clock is off by more.
_MAX_AGE_S, _MAX_AHEAD_S = 5.0, 0.5

# Two clocks that both tell the time of day are not a year apart.
_YEAR_S = 365 * 86_400.0


def check_clock(
    use_sim_time: bool, num_publishers: int, ticks_s: Sequence[float], seconds: float
) -> Finding:
    """
    Tell whether time runs.

    Parameters
    ----------
    use_sim_time : bool
        The node's parameter.
    num_publishers : int
        Of ``/clock``.
    ticks_s : sequence of float
        What came on ``/clock`` while it was listened to [s].
    seconds : float
        How long that was.

    """
    if not use_sim_time:
        if num_publishers:
            return warn(
                _SUBJECT,
                'somebody publishes /clock, but the node runs on system time',
                'set use_sim_time to true if its images are simulated or played back',
            )
        return ok(_SUBJECT, "the system's")
    if not num_publishers:
        return fail(
            _SUBJECT,
            'use_sim_time is true, but nobody publishes /clock: time stays at 0',
            'start the simulator or `unet-seg play --clock`, or set use_sim_time to false',
        )
    if num_publishers > 1:
        return fail(
            _SUBJECT, f'{num_publishers} nodes publish /clock: time jumps', 'let only one do so'
        )
    if not ticks_s or max(ticks_s) == min(ticks_s):
        told = 'stands still' if ticks_s else 'has a publisher that sent nothing'
        return warn(
            _SUBJECT, f'/clock {told} for {seconds:g} s', 'is the simulation paused, or too slow?'
        )
    if any(after < before for before, after in pairwise(ticks_s)):
        return warn(_SUBJECT, '/clock jumps back', 'a loop or a restart does that once')
    return ok(_SUBJECT, f'/clock runs at {(ticks_s[-1] - ticks_s[0]) / seconds:.2f} of real time')


def check_stamp(subject: str, age_s: float, use_sim_time: bool) -> Finding:
    """
    Tell whether an image's stamp is of the node's clock.

    Parameters
    ----------
    subject : str
        The finding's.
    age_s : float
        The node's time at the image's arrival less its stamp [s].
    use_sim_time : bool
        The node's parameter.

    """
    if -_MAX_AHEAD_S <= age_s <= _MAX_AGE_S:
        return ok(subject, f'stamps are {max(age_s, 0) * 1e3:.0f} ms old when they arrive')
    side = 'behind' if age_s > 0 else 'ahead of'
    if abs(age_s) > _YEAR_S:
        return fail(
            subject,
            f"stamps are {abs(age_s) / _YEAR_S:.0f} years {side} the node's clock",
            'set use_sim_time for its driver too, or false for the node'
            if use_sim_time
            else 'set use_sim_time where time is simulated or played back; else its driver sets '
            'no time: let it do so',
        )
    return fail(
        subject,
        f"stamps are {abs(age_s):.1f} s {side} the node's clock",
        'let its images and /clock come from the same simulator or player'
        if use_sim_time
        else 'set the clocks of both machines by NTP or PTP, or let the driver stamp with system '
        'time',
    )
