"""The errors that a user can cause; each message is one line: what, where, how to mend it."""


def one_line(error: BaseException) -> str:
    """Return an error's own words on one line, as libraries seldom give them."""
    return ' '.join(str(error).split())


class UserError(Exception):
    """A mistake in what the user gave us; shown as one line, never as a traceback."""


class ConfigurationError(UserError):
    """A parameter, option or environment that cannot work."""


class ModelError(UserError):
    """A model file that is missing, damaged or not written by this package."""


class RecordingError(UserError):
    """A recording that is missing, empty or in a form that cannot be read."""


class FrameError(UserError):
    """One camera frame that cannot be used; the frame is dropped, the stream goes on."""


class EngineError(UserError):
    """An inference engine that cannot be opened or failed while running."""


class LostGpuError(EngineError):
    """A fault that takes the GPU from this process for good; another process can still use it."""
