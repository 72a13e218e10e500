"""Images are paired by the frame's number, whatever comes before."""

from __future__ import annotations

from threading import Timer
from types import SimpleNamespace

import pytest

from unet_seg_ros.collect.options import ServerError
from unet_seg_ros.collect.pairing import ImagePairs


def filled(rgb, semantic) -> ImagePairs:
    pairs = ImagePairs()
    for queue, frames in ((pairs.rgb, rgb), (pairs.semantic, semantic)):
        for frame in frames:
            queue.put(SimpleNamespace(frame=frame))
    return pairs


def frames_of(images) -> list[int]:
    return [image.frame for image in images]


def test_images_of_earlier_ticks_are_dropped():
    pairs = filled([5, 6, 7, 8], [7, 8])
    assert frames_of(pairs.take(7, 0.0)) == [7, 7]
    assert frames_of(pairs.take(8, 0.0)) == [8, 8]


def test_an_image_that_comes_late_is_waited_for():
    pairs = filled([3], [])
    late = Timer(0.05, pairs.semantic.put, [SimpleNamespace(frame=3)])
    late.start()
    assert frames_of(pairs.take(3, 20.0)) == [3, 3]
    late.join()


@pytest.mark.parametrize(('rgb', 'semantic', 'camera'), [([4], [3], 'semantic'), ([], [4], 'RGB')])
def test_an_image_that_does_not_come_is_told(rgb, semantic, camera):
    with pytest.raises(ServerError) as loss:
        filled(rgb, semantic).take(4, 0.01)
    assert str(loss.value) == (
        f'the image of frame 4 of the {camera} camera did not come in time; '
        'a slow server needs a longer --timeout'
    )


def test_an_image_that_was_passed_over_is_told_without_waiting():
    with pytest.raises(ServerError, match=r'^the image of frame 4 of the RGB .* lost: 6 came$'):
        filled([3, 6], [4]).take(4, 1000.0)
