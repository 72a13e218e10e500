"""Known answers: what an engine must say of rendered frames before it is trusted with others."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from unet_seg_ros.core.backend import Backend, EngineOptions, Prediction
from unet_seg_ros.core.errors import EngineError
from unet_seg_ros.core.size import ByteArray, ImageSize
from unet_seg_ros.inference import open_backend
from unet_seg_ros.scenes import HELD_OUT_LAYOUTS, TRAINING_LAYOUTS, Drive, PinholeCamera

#: Least share of the pixels to which an engine gives the reference's class. On the shipped model
#: files OpenVINO in bf16 keeps 0.9996 against ONNX Runtime, and in INT8 0.9985.
MIN_AGREEMENT = 0.99

#: Greatest mean difference of the probabilities, 0 to 1; the same engines keep 0.0004 and 0.0018.
MAX_DIFFERENCE = 0.02

#: Engines that others are compared with, all of them in fp32; the first that is installed.
REFERENCES = ('onnxruntime', 'openvino')

# Every drive builds a street, a third of a second; a second frame of it costs a tenth of that.
_LAYOUTS = (HELD_OUT_LAYOUTS[0], TRAINING_LAYOUTS[0])
_INDICES = (0, 300)


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """
    How an engine's answers compare with the reference's; its text is for people.

    Attributes
    ----------
    reference : str
        The engine that was compared with.
    num_frames : int
        Rendered frames that both were shown.
    agreement : float
        Share of the pixels that got the same class, on the worst frame or batch.
    difference : float
        Mean difference of the probabilities there, 0 to 1, of the output that is further off.
    num_classes : int
        Classes that the reference saw.

    """

    reference: str
    num_frames: int
    agreement: float
    difference: float
    num_classes: int

    def is_right(self) -> bool:
        """Return whether both figures keep their bounds."""
        return self.agreement >= MIN_AGREEMENT and self.difference <= MAX_DIFFERENCE

    def __str__(self) -> str:
        """Return the figures with their bounds, in one line."""
        text = (
            f'on the worst of {self.num_frames} rendered frames {self.agreement:.2%} of the '
            f'pixels have the class that {self.reference} gives (bound {MIN_AGREEMENT:.0%}), '
            f'probabilities are {self.difference:.3f} off (bound {MAX_DIFFERENCE})'
        )
        if self.num_classes < 2:
            text += f'; this proves little, for {self.reference} sees one class only'
        return text


def check_known_answer(backend: Backend) -> KnownAnswer:
    """
    Compare an open engine's answers on rendered frames with those of a CPU engine.

    The frames are shown one by one, and in batches of the largest size that the engine was opened
    for.

    Raises
    ------
    EngineError
        If the answers differ by more than the bounds, an engine fails, or there is no reference.

    """
    images = rendered_frames(backend.contract.input_size)
    with ExitStack() as resources:
        reference = _open_reference(backend, resources)
        expected = reference.infer(images)
    sizes = sorted({1, backend.options.max_batch})
    batches = [batch for size in sizes for batch in _batches(len(images), size)]
    found = [backend.infer(images[batch]) for batch in batches]
    answer = _compare(found, [_of(expected, batch) for batch in batches], reference.name)
    if not answer.is_right():
        raise EngineError(f'backend {backend.name}: gives wrong answers: {answer}')
    return answer


@lru_cache(maxsize=1)
def rendered_frames(size: ImageSize) -> ByteArray:
    """Return frames of that size, always the same, as uint8 [N, H, W, 3] in BGR order."""
    camera = PinholeCamera(size)
    drives = [Drive(layout, seed=0, camera=camera) for layout in _LAYOUTS]
    frames = np.stack([drive.frame(index).image for drive in drives for index in _INDICES])
    frames.setflags(write=False)
    return frames


def _open_reference(backend: Backend, resources: ExitStack) -> Backend:
    options = EngineOptions(precision='fp32', num_threads=backend.options.num_threads)
    missing = []
    for name in REFERENCES:
        try:
            return resources.enter_context(open_backend(backend.path, name, options))
        except EngineError as e:
            missing.append(str(e))
    raise EngineError(
        f'backend {backend.name}: its answers cannot be checked without a CPU engine: '
        f'{"; ".join(missing)}'
    )


def _batches(num: int, size: int) -> list[list[int]]:
    return [[(start + i) % num for i in range(size)] for start in range(0, num, size)]


def _of(prediction: Prediction, batch: list[int]) -> Prediction:
    return Prediction(
        prediction.class_ids[batch],
        prediction.confidence[batch],
        prediction.group_probability[batch],
    )


def _compare(found: list[Prediction], expected: list[Prediction], reference: str) -> KnownAnswer:
    pairs = list(zip(found, expected, strict=True))
    differences = (
        [_difference(f.confidence, e.confidence) for f, e in pairs],
        [_difference(f.group_probability, e.group_probability) for f, e in pairs],
    )
    return KnownAnswer(
        reference=reference,
        num_frames=len(_LAYOUTS) * len(_INDICES),
        agreement=min(float(np.mean(f.class_ids == e.class_ids)) for f, e in pairs),
        difference=max(max(values) for values in differences),
        num_classes=len(np.unique(np.concatenate([e.class_ids for _, e in pairs]))),
    )


def _difference(found: ByteArray, expected: ByteArray) -> float:
    # A model without groups has no probability of any to compare.
    if not expected.size:
        return 0.0
    return float(np.mean(np.abs(found.astype(np.int16) - expected))) / 255
