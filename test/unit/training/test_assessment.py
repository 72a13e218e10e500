"""Assessments whose every figure can be counted by hand, or by torchmetrics."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassConfusionMatrix, MulticlassJaccardIndex

from unet_seg_ros.core.class_sets import CLASS_SETS, LabelMap
from unet_seg_ros.core.classes import CARLA_TAGS, UNKNOWN_ID, ClassTable
from unet_seg_ros.core.geometry import NetworkInput
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.training.assessment import Candidate, assess, fit_temperature
from unet_seg_ros.training.findings import Assessment

pytestmark = pytest.mark.training

ROAD = CLASS_SETS['road']
ROAD_LABELS = ROAD.labels(23)
SIZE = ImageSize(8, 16)


@dataclass(frozen=True)
class Frames:
    """Frames held in memory."""

    frames: list[tuple[np.ndarray, np.ndarray]]
    labels: LabelMap = ROAD_LABELS
    tags: ClassTable = CARLA_TAGS[23]
    name: str = 'hand-made'

    @property
    def names(self) -> list[str]:
        return [f'frame {i}' for i in range(len(self.frames))]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.frames[index]


def _quiet(what: str, done: int, total: int) -> None:
    pass


def _as_the_image_says(num_classes: int = 4, size: ImageSize = SIZE) -> Candidate:
    """Return a network that finds the class in each pixel's blue."""

    def logits_of(images: np.ndarray) -> torch.Tensor:
        ids = torch.from_numpy(images[..., 0].astype(np.int64))
        return torch.nn.functional.one_hot(ids, num_classes).permute(0, 3, 1, 2).float() * 3

    classes = {4: 'road', 9: 'driving'}[num_classes]
    return Candidate(logits_of, NetworkInput(size), CLASS_SETS[classes])


def _image(ids: np.ndarray) -> np.ndarray:
    return np.repeat(ids[..., np.newaxis], 3, axis=2).astype(np.uint8)


def test_iou_is_that_of_torchmetrics():
    rng = np.random.default_rng(5)
    tag_of_class = np.array([0, 6, 7, 8], np.uint8)
    truth, predicted = rng.integers(0, 4, (2, 3, 8, 16))
    truth[:, :2] = predicted[:, :2]
    tags = tag_of_class[truth]
    unknown = rng.random(tags.shape) < 0.1
    tags[unknown] = 200
    frames = Frames([(_image(p), t) for p, t in zip(predicted, tags, strict=True)])
    found = assess(_as_the_image_says(), frames, _quiet)
    target = torch.from_numpy(np.where(unknown, UNKNOWN_ID, truth))
    jaccard = MulticlassJaccardIndex(4, average='none', ignore_index=UNKNOWN_ID)
    expected = jaccard(torch.from_numpy(predicted), target).tolist()
    assert list(found.confusion.iou().values()) == pytest.approx(expected, rel=1e-6)
    matrix = MulticlassConfusionMatrix(4, ignore_index=UNKNOWN_ID)
    counts = matrix(torch.from_numpy(predicted), target)
    assert found.confusion.counts[:4, :4].tolist() == counts.tolist()
    assert found.num_frames == 3


def test_the_share_that_came_out_drivable():
    tags = np.zeros((8, 16), np.uint8)
    tags[:4, :4], tags[:4, 4:8], tags[4:, :8], tags[4:, 8:] = 4, 10, 7, 6
    predicted = np.zeros((8, 16), np.uint8)
    predicted[0, :4] = 2  # a quarter of the pedestrian
    predicted[:4, 4:6] = 1  # half of the vehicle, as a roadline
    predicted[4:] = 2
    predicted[4, :8] = 3
    found = assess(_as_the_image_says(), Frames([(_image(predicted), tags)]), _quiet)
    shares = {n: (s.num_pixels, s.num_drivable) for n, s in found.drivable_by_tag.items()}
    assert shares == {
        'Unlabeled': (32, 0),
        'Pedestrian': (16, 4),
        'RoadLine': (32, 32),
        'Road': (32, 24),
        'Vehicle': (16, 8),
    }
    assert found.drivable_by_tag['Pedestrian'].share == 0.25
    assert [n for n, s in found.drivable_by_tag.items() if s.is_drivable] == ['RoadLine', 'Road']
    by_class = found.drivable_by_class
    assert (by_class['other'].num_pixels, by_class['other'].num_drivable) == (64, 12)
    assert np.isnan(by_class['sidewalk'].share)
    assert found.drivable_iou == 56 / (64 + 12)


def test_labels_keep_their_own_resolution():
    tags = np.zeros((80, 160), np.uint8)
    tags[:, :75] = 7  # no multiple of the ten pixels that each of the network's covers
    predicted = np.zeros((8, 16), np.uint8)
    predicted[:, :8] = 2
    image = np.repeat(np.repeat(_image(predicted), 10, axis=0), 10, axis=1)
    found = assess(_as_the_image_says(), Frames([(image, tags)]), _quiet)
    assert found.confusion.iou()['road'] == 75 / 80
    # The network's own pixels: 7 or 8 columns of them are road, as the nearest label says.
    assert found.reliability[0].num_pixels.sum() == 8 * 16


def test_coarse_labels_count_where_they_say_something():
    classes = CLASS_SETS['driving']
    ids = classes.table.ids_by_name
    tags = np.zeros((8, 16), np.uint8)  # Unlabeled of 13 tags: the sky perhaps, never a road
    tags[4:] = 7
    predicted = np.full((8, 16), ids['road'], np.uint8)
    predicted[:3] = ids['sky']
    found = assess(
        _as_the_image_says(9),
        Frames([(_image(predicted), tags)], classes.labels(13), CARLA_TAGS[13]),
        _quiet,
    )
    iou = {name: value for name, value in found.confusion.iou().items() if not np.isnan(value)}
    assert iou == {'road': 64 / 80}
    assert found.reliability[0].num_pixels.sum() == 64
    assert found.drivable_by_tag['Unlabeled'].share == 16 / 64
    assert not found.drivable_by_tag['Unlabeled'].is_drivable


def test_the_worst_frames_are_kept_in_their_order():
    tags = np.full((8, 16), 7, np.uint8)
    frames = []
    for num_right in (5, 2, 7, 2, 3):
        predicted = np.zeros((8, 16), np.uint8)
        predicted[:num_right] = 2
        frames.append((_image(predicted), tags))
    frames.append((frames[0][0], np.full((8, 16), 200, np.uint8)))  # nothing in it counts
    found = assess(_as_the_image_says(), Frames(frames), _quiet, num_worst=3)
    assert [(w.name, w.mean_iou) for w in found.worst] == [
        ('frame 1', 0.25),
        ('frame 3', 0.25),
        ('frame 4', 0.375),
    ]
    assert (found.worst[2].image == frames[4][0]).all()
    assert (found.worst[2].predicted == frames[4][0][..., 0]).all()
    assert (found.worst[2].truth == 2).all()


def test_an_assessment_survives_json_and_has_no_nan():
    tags = np.full((8, 16), 7, np.uint8)
    found = assess(_as_the_image_says(), Frames([(_image(tags // 7 * 2), tags)]), _quiet)
    text = json.dumps(found.to_dict(), allow_nan=False)
    plain = json.loads(text)
    assert plain['iou'] == {'other': None, 'roadline': None, 'road': 1.0, 'sidewalk': None}
    assert plain['mean_boundary_f'] is None
    assert plain['worst'] == {'frame 0': 1.0}
    again = Assessment.from_dict(plain).to_dict()
    assert {**again, 'worst': plain['worst']} == plain


def test_no_frame_at_all_is_no_error():
    found = assess(_as_the_image_says(), Frames([]), _quiet)
    assert np.isnan(found.confusion.mean_iou())
    assert fit_temperature(_as_the_image_says(), [Frames([])], _quiet) == 1.0
    json.dumps(found.to_dict(), allow_nan=False)


def _overconfident(temperature: float) -> tuple[Candidate, Frames]:
    """Return a network whose logits are too large by a factor, and frames drawn from its truth."""
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, (256, 4))
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = torch.from_numpy(logits * temperature).float()
    frames = []
    for _ in range(3):
        image = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
        below = rng.random((256, 256, 1)) > probability.cumsum(axis=1)[image[..., 0]]
        classes = below.sum(axis=2).clip(max=3)
        frames.append((image, np.array([0, 6, 7, 8], np.uint8)[classes]))

    def logits_of(images: np.ndarray) -> torch.Tensor:
        return table[torch.from_numpy(images[..., 0].astype(np.int64))].permute(0, 3, 1, 2)

    return Candidate(logits_of, NetworkInput(ImageSize(256, 256)), ROAD), Frames(frames)


def test_the_temperature_of_an_overconfident_network_is_found_and_helps():
    candidate, frames = _overconfident(3.0)
    temperature = fit_temperature(candidate, [frames], _quiet)
    assert temperature == pytest.approx(3.0, rel=0.02)
    assert fit_temperature(candidate, [frames], _quiet) == temperature
    mended = Candidate(candidate.logits_of, candidate.network, ROAD, temperature)
    before, after = assess(mended, frames, _quiet).reliability
    assert before.ece() > 0.1
    assert after.ece() < 0.01
    assert after.nll() < before.nll()


def test_the_temperature_is_of_all_sources_and_a_draw_is_as_good(monkeypatch):
    monkeypatch.setattr('unet_seg_ros.training.assessment._MAX_FIT_PIXELS', 60_000)
    candidate, frames = _overconfident(2.0)
    unknown = Frames([(frames[0][0], np.full((256, 256), 200, np.uint8))])
    assert fit_temperature(candidate, [unknown], _quiet) == 1.0
    fitted = fit_temperature(candidate, [unknown, frames], _quiet)
    assert fitted == pytest.approx(2.0, rel=0.03)
