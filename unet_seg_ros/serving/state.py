"""Which engines there are, what has become of them, and what that means to whoever watches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unet_seg_ros.serving.events import Level
from unet_seg_ros.serving.opening import OpenEngine


@dataclass(slots=True, kw_only=True)
class ServingState:
    """
    What a supervisor knows; it is guarded by the supervisor.

    Attributes
    ----------
    model : Path
        The model file that serves, or is to serve again.
    job : str
        What is being done, as in ``tensorrt is being opened``; empty if nothing is.
    progress : str
        How far that is, in the words of whoever does it.
    engine : OpenEngine or None
        The engine that was asked for, even if it has failed; None until it was open once.
    fallback : OpenEngine or None
        The CPU engine that takes its place.
    fault : str
        Why the engine does not serve any more; empty if it serves.
    is_lost : bool
        Whether that is because the process has lost the GPU.
    num_attempts : int
        How often it was opened in vain since it last segmented a frame.
    refusal : Exception or None
        Why no engine serves, or ever will.
    swap : Path or None
        The model file that is to take over.
    rejected : str
        Why the last one did not; empty if it did.

    """

    model: Path
    job: str
    progress: str = ''
    engine: OpenEngine | None = None
    fallback: OpenEngine | None = None
    fault: str = ''
    is_lost: bool = False
    num_attempts: int = 0
    refusal: Exception | None = None
    swap: Path | None = None
    rejected: str = ''

    def serving(self) -> OpenEngine | None:
        """Return the engine that the next frame goes to."""
        return self.fallback if self.fault or self.engine is None else self.engine

    def has_begun(self) -> bool:
        """Return whether an engine serves, or has served."""
        return self.engine is not None or self.fallback is not None

    def needs_fallback(self) -> bool:
        """Return whether nothing serves, though an engine is still to come."""
        return self.serving() is None and self.refusal is None

    def end_job(self) -> None:
        """Note that what was being done is done."""
        self.swap, self.job, self.progress = None, '', ''

    def judge(self) -> tuple[Level, str]:
        """Return how well things stand, and why they are no better or what is being done."""
        serves = f'{self.fallback.backend.name} serves' if self.fallback else 'nothing serves'
        if self.fault:
            tries = f'attempt {self.num_attempts} to open it' if self.num_attempts else ''
            return Level.ERROR, ', '.join(filter(None, (self.fault, tries, serves)))
        if self.engine is None:
            return Level.WARN, f'{self.job}, {serves}: {self.progress}'
        if self.job:
            return Level.OK, ': '.join(filter(None, (self.job, self.progress)))
        return (Level.WARN, self.rejected) if self.rejected else (Level.OK, '')
