"""The player's deck: frames when they are due, and what may be asked for meanwhile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from enum import Enum

from unet_seg_ros.recordings.playback import RecordedFrame, Tape
from unet_seg_ros.ros.player_options import PlayOptions
from unet_seg_ros.ros.source import Pace

#: How far one command moves the place [s].
SEEK_S = 5.0

# One command makes it faster or slower by this factor; two double the speed, or halve it.
_SPEED_STEP = math.sqrt(2)
_SPEEDS = (1 / 16, 16.0)


class Command(Enum):
    """What may be asked for while it plays."""

    PAUSE = 'pause, or go on'
    BACK = 'seek back'
    AHEAD = 'seek ahead'
    FASTER = 'play faster'
    SLOWER = 'play slower'
    END = 'end'


#: Returns the commands that came since it was last asked.
Commands = Callable[[], Iterable[Command]]


def no_commands() -> Iterable[Command]:
    """Return no command, ever."""
    return ()


class Deck:
    """
    Gives the frames of a recording when they are due, and does meanwhile what is asked for.

    Parameters
    ----------
    tape : Tape
        The recording; its first frame has been taken.
    options : PlayOptions
        How it is played.
    commands, tell : callable
        See `play`.

    """

    def __init__(
        self, tape: Tape, options: PlayOptions, commands: Commands, tell: Callable[[str], None]
    ) -> None:
        """Play; nothing is asked for yet."""
        self._tape, self._options, self._commands, self._tell = tape, options, commands, tell
        self._speed = options.speed
        self._place_s = tape.position_s
        self._due_s = 0.0
        self._coming: RecordedFrame | None = None
        self._is_paused = self._was_moved = self._has_ended = False

    @property
    def step_s(self) -> float:
        """How far the frame lies behind the one before [s]."""
        return 1 / self._options.rate_hz if self._options.rate_hz else self._tape.step_s

    def next(self, pace: Pace) -> RecordedFrame | None:
        """
        Return the next frame when it is due, or one that was sought; None at the end.

        Raises
        ------
        RecordingError
            If it cannot be read.

        """
        self._coming, self._was_moved = None, False
        while not self._has_ended and self._finds_frame():
            due_s = self._due_s + self.step_s / self._speed
            if due_s >= self._options.seconds:
                break
            if self._is_paused and not self._was_moved:
                pace.wait_until(self._obeys)
            elif pace.wait(due_s, self._obeys):
                self._due_s, self._place_s = due_s, self._tape.position_s
                return self._coming
        return None

    def _finds_frame(self) -> bool:
        if self._coming is None:
            self._coming = self._tape.advance()
            wait_s = self.step_s / self._speed
            if self._coming is not None and wait_s >= SEEK_S:
                self._tell(f'the next frame comes in {wait_s:.0f} s')
        return self._coming is not None

    def _obeys(self) -> bool:
        """Obey what came; return whether there was anything."""
        commands = list(self._commands())
        for command in commands:
            self._obey(command)
        return bool(commands)

    def _obey(self, command: Command) -> None:
        if command is Command.PAUSE:
            self._is_paused = not self._is_paused
        elif command is Command.END:
            self._has_ended = True
        elif command in (Command.BACK, Command.AHEAD):
            self._tape.seek(self._place_s + (SEEK_S if command is Command.AHEAD else -SEEK_S))
            self._place_s = self._tape.position_s
            self._coming, self._was_moved = None, True
        else:
            factor = _SPEED_STEP if command is Command.FASTER else 1 / _SPEED_STEP
            self._speed = min(max(self._speed * factor, _SPEEDS[0]), _SPEEDS[1])
        state = 'paused' if self._is_paused else 'playing'
        self._tell(f'{state} at {self._place_s:.2f} s, speed {self._speed:.2g}')
