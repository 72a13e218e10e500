"""Images and labels of bags that this test writes itself, as both of CARLA's bridges send them."""

from __future__ import annotations

import numpy as np
import pytest
from support.recordings import compressed, image, noise, text, write_bag

from unet_seg_ros.core.classes import CARLA_TAGS
from unet_seg_ros.core.errors import RecordingError
from unet_seg_ros.recordings.labelled_bag import LabelledBag
from unet_seg_ros.recordings.palette import Palette
from unet_seg_ros.recordings.recording import ReadOptions

S = 10**9
MS = 10**6
TAGS = CARLA_TAGS[29]
RGB = '/carla/ego_vehicle/rgb_front/image'
SEMANTIC = '/carla/ego_vehicle/semantic_segmentation_front/image'


@pytest.fixture(params=['mcap', 'sqlite3'])
def storage(request) -> str:
    return request.param


def ids(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, len(TAGS), (6, 5), np.uint8)


def in_red(ids_hw: np.ndarray) -> np.ndarray:
    bgra = np.full((*ids_hw.shape, 4), 255, np.uint8)
    bgra[..., :2] = 0
    bgra[..., 2] = ids_hw
    return bgra


def painted(ids_hw: np.ndarray) -> np.ndarray:
    return Palette(TAGS).paint(ids_hw)


def frame(seed: int, stamp_ns: int, paint=painted, recorded_ns: int | None = None) -> list:
    """Return the two messages of one tick."""
    recorded_ns = stamp_ns if recorded_ns is None else recorded_ns
    return [
        (SEMANTIC, recorded_ns, image(paint(ids(seed)), 'bgra8', stamp_ns, padding=3)),
        (RGB, recorded_ns, image(noise(6, 5, 4, seed=seed), 'bgra8', stamp_ns)),
    ]


def check(recording: LabelledBag, seeds: list[int]) -> None:
    """Compare all frames, read in order and one by one."""
    frames = list(recording)
    assert len(frames) == len(recording) == len(seeds)
    for i, seed in reversed(list(enumerate(seeds))):
        for pixels, tags in (frames[i], recording[i]):
            np.testing.assert_array_equal(pixels, noise(6, 5, 4, seed=seed)[..., :3])
            np.testing.assert_array_equal(tags, ids(seed))
            assert pixels.flags.writeable
            assert tags.flags.writeable


@pytest.mark.parametrize('paint', [painted, in_red])
def test_both_bridges_are_read(tmp_path, storage, paint):
    messages = [m for i in range(4) for m in frame(i, 7 * S + i * 50 * MS, paint)]
    messages.append(('/chatter', 8 * S, text('hello')))
    bag = LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS)
    check(bag, [0, 1, 2, 3])
    assert bag.topics == {'images': RGB, 'labels': SEMANTIC}
    assert bag.names == ['7.000000000', '7.050000000', '7.100000000', '7.150000000']
    assert bag.sequences == ['7.000000000'] * 4
    assert bag.unpaired_images == bag.unpaired_labels == []


def test_messages_recorded_at_one_time_are_told_apart(tmp_path, storage):
    messages = [m for i in range(3) for m in frame(i, 7 * S + i * 50 * MS, recorded_ns=9 * S)]
    check(LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS), [0, 1, 2])


def test_stamps_pair_whatever_the_order_of_recording(tmp_path, storage):
    ticks = [frame(i, 7 * S + i * 50 * MS) for i in range(4)]
    semantic, rgb = zip(*ticks, strict=True)
    # The labels come three ticks late.
    late = [(topic, recorded + 150 * MS, m) for topic, recorded, m in semantic]
    messages = sorted([*late, *rgb], key=lambda m: m[1])
    check(LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS), [0, 1, 2, 3])


def test_what_does_not_pair_is_told(tmp_path, storage):
    first, second, third = (frame(i, 7 * S + i * 50 * MS) for i in range(3))
    messages = [*first, second[0], third[1]]
    bag = LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS)
    check(bag, [0])
    assert bag.unpaired_images == ['7.100000000']
    assert bag.unpaired_labels == ['7.050000000']


def test_the_tolerance_decides_what_pairs(tmp_path, storage):
    (semantic, _), (_, rgb) = frame(1, 7 * S), frame(1, 7 * S + 20 * MS)
    path = write_bag(tmp_path / 'b', storage, [semantic, rgb])
    check(LabelledBag(path, TAGS), [1])
    with pytest.raises(RecordingError, match=r'has labels on .* within 0\.01 s; were both'):
        LabelledBag(path, TAGS, options=ReadOptions(tolerance_s=0.01))


def test_fast_stamps_do_not_pair_across_ticks(tmp_path, storage):
    ticks = [frame(i, 7 * S + i * 20 * MS) for i in range(6)]
    # Of the third tick the labels are lost, of the fourth the image.
    messages = [m for i, tick in enumerate(ticks) for m in tick[i == 2 : 1 if i == 3 else 2]]
    bag = LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS)
    check(bag, [0, 1, 4, 5])
    assert bag.unpaired_images == ['7.040000000']
    assert bag.unpaired_labels == ['7.060000000']


def test_a_gap_in_the_stamps_is_a_cut(tmp_path, storage):
    stamps = [0, 50, 100, 400, 450]
    messages = [m for i, ms in enumerate(stamps) for m in frame(i, 7 * S + ms * MS)]
    bag = LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS)
    assert bag.sequences == ['7.000000000'] * 3 + ['7.400000000'] * 2


def test_a_simulation_that_begins_anew_does_not_pair_with_the_one_before(tmp_path, storage):
    messages = []
    for i in range(6):
        # The second run has the stamps of the first; labels of its first tick are missing.
        tick = frame(i, 7 * S + (i % 3) * S, recorded_ns=(100 + i) * S)
        messages += tick[1:] if i == 3 else tick
    bag = LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS)
    check(bag, [0, 1, 2, 4, 5])
    assert bag.unpaired_images == ['7.000000000#1']
    assert bag.sequences == ['7.000000000'] * 3 + ['8.000000000#1'] * 2


@pytest.mark.parametrize('num_runs', [1, 2])
def test_labels_may_lag_by_seconds(tmp_path, storage, num_runs):
    messages = []
    for i in range(8 * num_runs):
        semantic, rgb = frame(i, 7 * S + (i % 8) * S)
        messages += [(rgb[0], (100 + i) * S, rgb[2]), (semantic[0], (103 + i) * S, semantic[2])]
    messages.sort(key=lambda m: m[1])
    bag = LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS)
    check(bag, list(range(8 * num_runs)))
    assert bag.unpaired_images == bag.unpaired_labels == []


@pytest.mark.parametrize('missing', [0, 1])
def test_a_run_without_labels_does_not_shift_those_that_follow(tmp_path, storage, missing):
    messages = []
    for i in range(9):
        tick = frame(i, 7 * S + (i % 3) * S, recorded_ns=(100 + i) * S)
        messages += tick[1:] if i // 3 == missing else tick
    bag = LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS)
    check(bag, [i for i in range(9) if i // 3 != missing])


def test_opencvs_names_of_encodings_are_read(tmp_path, storage):
    messages = []
    for i, (encoding, channels) in enumerate((('8UC3', 3), ('8UC4', 4))):
        stamp = (7 + i) * S
        pixels = noise(6, 5, 4, seed=i)[..., :channels]
        messages += [(RGB, stamp, image(pixels, encoding, stamp))]
        messages += [(SEMANTIC, stamp, image(ids(i), '8UC1', stamp, padding=2))]
    check(LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS), [0, 1])


def test_compressed_images_and_labels_are_read(tmp_path, storage):
    label = compressed(painted(ids(3)), 7 * S)
    messages = [
        (f'{RGB}/compressed', 7 * S, compressed(noise(6, 5, 3, seed=3), 7 * S)),
        (f'{SEMANTIC}/compressed', 7 * S, label),
    ]
    ((pixels, tags),) = LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS)
    np.testing.assert_array_equal(pixels, noise(6, 5, 3, seed=3))
    np.testing.assert_array_equal(tags, ids(3))


def test_labels_in_one_channel_are_read(tmp_path, storage):
    (_, rgb) = frame(2, 7 * S)
    messages = [rgb, (SEMANTIC, 7 * S, image(ids(2), 'mono8', 7 * S, padding=2))]
    check(LabelledBag(write_bag(tmp_path / 'b', storage, messages), TAGS), [2])


def refusal(path, label) -> str:
    (_, rgb) = frame(0, 7 * S)
    bag = LabelledBag(write_bag(path / 'b', 'mcap', [rgb, (SEMANTIC, 7 * S, label)]), TAGS)
    with pytest.raises(RecordingError) as raised:
        bag[0]
    message = str(raised.value)
    assert message.startswith(f'bag {path}/b: {SEMANTIC} at 7.000000000: ')
    assert '\n' not in message
    return message.partition('7.000000000: ')[2]


def test_labels_of_another_size_are_refused(tmp_path):
    label = image(painted(ids(0)[:, :4]), 'bgra8', 7 * S)
    assert refusal(tmp_path, label) == (
        'size 4x6, but its image has 5x6; record both cameras at one size'
    )


def test_jpeg_labels_are_refused(tmp_path):
    label = compressed(painted(ids(0))[..., :3], 7 * S, 'jpg')
    assert refusal(tmp_path, label).startswith('labels went through JPEG, which changes ids')


def test_a_compressed_image_that_was_cut_off_is_refused(tmp_path):
    front = compressed(noise(5, 6, 3), 7 * S, 'jpg')
    front.data = front.data[:-9]
    label = image(painted(ids(0)), 'bgra8', 7 * S)
    messages = [('/rgb/image/compressed', S, front), ('/semantic/image', S, label)]
    bag = write_bag(tmp_path / 'cut', 'mcap', messages)
    with pytest.raises(RecordingError, match=r'/rgb/image/compressed at .* is cut off'):
        LabelledBag(bag, TAGS)[0]


def test_labels_that_cannot_be_decoded_are_refused(tmp_path):
    label = compressed(painted(ids(0)), 7 * S)
    label.data[:] = 0
    assert refusal(tmp_path, label) == 'cannot be decoded'


def test_labels_of_an_unknown_encoding_are_refused(tmp_path):
    label = image(ids(0), 'mono16', 7 * S)
    assert refusal(tmp_path, label).startswith("encoding 'mono16' holds no labels; record them as")


def test_topics_that_cannot_be_told_are_refused_by_the_bags_name(tmp_path):
    (_, rgb) = frame(0, 7 * S)
    path = write_bag(tmp_path / 'b', 'mcap', [rgb])
    with pytest.raises(RecordingError, match=f'bag {path}: no topic looks like labels'):
        LabelledBag(path, TAGS)


@pytest.mark.parametrize('share', [0.2, 0.99])
def test_a_damaged_bag_is_refused(tmp_path, storage, share):
    messages = [m for i in range(4) for m in frame(i, 7 * S + i * 50 * MS)]
    path = write_bag(tmp_path / 'b', storage, messages)
    (file,) = (f for f in path.iterdir() if f.suffix in ('.mcap', '.db3'))
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(RecordingError, match='damaged, or its recording did not end'):
        list(LabelledBag(path, TAGS))


def test_what_fails_while_a_bag_is_open_is_not_its_fault(tmp_path):
    bag = LabelledBag(write_bag(tmp_path / 'b', 'mcap', frame(0, 7 * S)), TAGS)
    with pytest.raises(OSError, match='disk full'), bag.kept_open():
        raise OSError('disk full')
