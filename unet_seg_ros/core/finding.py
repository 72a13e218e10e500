"""What an examination finds: one line, how bad it is, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(str, Enum):
    """How bad it is; a skipped examination is one that could not be made."""

    OK = 'ok'
    WARN = 'warn'
    FAIL = 'fail'
    SKIP = 'skip'


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was looked at.

    Attributes
    ----------
    level : Level
        How bad it is.
    subject : str
        What was looked at, such as ``camera front``.
    what : str
        What was found, on one line.
    remedy : str
        How to mend it, in one clause; empty where nothing is wrong.

    """

    level: Level
    subject: str
    what: str
    remedy: str = ''

    def __str__(self) -> str:
        """Return it as one line that begins with its level."""
        remedy = f': {self.remedy}' if self.remedy else ''
        return f'{self.level.value:<4}  {self.subject}: {self.what}{remedy}'


def ok(subject: str, what: str) -> Finding:
    """Return that a subject is as it should be."""
    return Finding(Level.OK, subject, what)


def warn(subject: str, what: str, remedy: str = '') -> Finding:
    """Return that a subject may be wrong."""
    return Finding(Level.WARN, subject, what, remedy)


def fail(subject: str, what: str, remedy: str = '') -> Finding:
    """Return that a subject is wrong."""
    return Finding(Level.FAIL, subject, what, remedy)


def skip(subject: str, what: str, remedy: str = '') -> Finding:
    """Return that a subject could not be looked at, or need not be."""
    return Finding(Level.SKIP, subject, what, remedy)
