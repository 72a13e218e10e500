"""The manifest of a built engine: what it depends on, what it is, how it was built."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet_seg_ros.core.errors import ModelError
from unet_seg_ros.inference.tensorrt.build import FLAGS, BuildRequest, BuildSummary

FORMAT = 1

#: Of the names of an engine's files.
KEY_DIGITS = 16

# How much of a long value, such as a digest, tells it from another.
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Dependencies:
    """
    What an engine depends on; another value of any of them needs another engine.

    Attributes
    ----------
    fields : mapping
        By name, with values as JSON has them.

    """

    fields: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The name of the engine's files: a digest of the fields."""
        text = json.dumps(self.fields, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]

    def differences(self, other: Dependencies) -> list[str]:
        """Return which fields have other values there, each as ``name was X, is Y``."""
        names = [n for n in {**self.fields, **other.fields} if self._get(n) != other._get(n)]
        return [f'{n} was {_shown(other._get(n))}, is {_shown(self._get(n))}' for n in names]

    def _get(self, name: str) -> Any:
        return self.fields.get(name)


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    What stands beside a built engine.

    Attributes
    ----------
    model : str
        Name of the model file, without folder; for people.
    built_at : str
        When it was built, UTC in ISO 8601.
    engine_sha256 : str
        Digest of the engine's bytes.
    dependencies : Dependencies
        What it depends on.
    summary : BuildSummary
        How it was built.

    """

    model: str
    built_at: str
    engine_sha256: str
    dependencies: Dependencies
    summary: BuildSummary

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            'format': FORMAT,
            'model': self.model,
            'built_at': self.built_at,
            'engine_sha256': self.engine_sha256,
            'depends_on': self.dependencies.fields,
            'summary': self.summary.to_dict(),
        }

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """
        Read the text of a file, `to_dict` as JSON.

        Raises
        ------
        ValueError
            If it is no manifest of this format.

        """
        try:
            data = json.loads(text)
            if data['format'] != FORMAT:
                raise ValueError(f'format {data["format"]}, not {FORMAT}')
            return cls(
                model=str(data['model']),
                built_at=str(data['built_at']),
                engine_sha256=str(data['engine_sha256']),
                dependencies=Dependencies(dict(data['depends_on'])),
                summary=BuildSummary.from_dict(data['summary']),
            )
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as e:
            raise ValueError(f'its manifest cannot be read ({type(e).__name__}: {e})') from e


def dependencies_of(request: BuildRequest) -> Dependencies:
    """
    Return what an engine depends on: model, TensorRT, machine, batch and, if need be, GPU.

    Raises
    ------
    ModelError
        If the model file cannot be read.
    EngineError
        If TensorRT cannot be imported.

    """
    return Dependencies(
        {
            'model_sha256': _digest(request.model),
            'flavour': request.flavour.name,
            'version': str(request.flavour.load().__version__),
            'system': platform.system(),
            'machine': platform.machine(),
            # The profile: 1 to max_batch, tuned for max_batch.
            'max_batch': request.max_batch,
            'flags': list(FLAGS),
            **request.device_fields(),
        }
    )


def _digest(model: Path) -> str:
    try:
        return hashlib.sha256(model.read_bytes()).hexdigest()
    except OSError as e:
        raise ModelError(f'model file {model}: cannot be read: {e.strerror}') from e


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f'{text[:12]}...'
