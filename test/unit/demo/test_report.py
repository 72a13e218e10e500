"""Pictures and page of a run that the album has kept."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.known_model import known_contract

from unet_seg_ros.core.class_sets import ROAD_CLASSES
from unet_seg_ros.core.errors import ConfigurationError
from unet_seg_ros.core.size import ImageSize
from unet_seg_ros.demo.figures import Figures, Scores
from unet_seg_ros.demo.pictures import montage, require_animations, write_animation
from unet_seg_ros.demo.processes import ProcessError
from unet_seg_ros.demo.report import write_report
from unet_seg_ros.demo.session import Traces
from unet_seg_ros.demo.sources import RenderedDrive
from unet_seg_ros.ros.album import Album, View

SIZE = ImageSize(360, 640)
CLASSES = ROAD_CLASSES.table
SOURCE = RenderedDrive(('<a layout>',), 3, SIZE, is_held_out=True)
FIGURES = Figures(
    num_sent=12,
    num_segmented=10,
    sent_hz=20.0,
    segmented_hz=10.0,
    latency_ms={'p50': 10.0, 'p95': 20.0, 'p99': 30.0},
    engine_ms={'p50': 5.0, 'p95': 6.0, 'p99': 7.0},
    node={'received': 12},
    engine={'backend': 'openvino'},
    scores=Scores(10, {'other': 0.9, 'roadline': float('nan')}, 0.9, 0.8),
    unscored='',
)


def view(index: int, has_truth: bool) -> View:
    shade = np.full((*SIZE, 3), 20 * index, np.uint8)
    mask = np.full(SIZE, index % 4, np.uint8)
    return View(index, shade, 255 - shade, mask, np.full(SIZE, 3, np.uint8) if has_truth else None)


def traces(folder: Path, has_truth: bool = True) -> Traces:
    album = Album(folder, moment_every=2)
    for index in range(12):
        album.add(view(index, has_truth))
    return Traces([], {}, folder)


@pytest.mark.parametrize('has_truth', [True, False])
def test_montage_shows_columns_of_one_size(tmp_path, has_truth):
    picture = montage(traces(tmp_path, has_truth).folder / 'moments', CLASSES, 'title')
    columns = 4 if has_truth else 3
    assert picture.shape[1] == columns * 488 + 8
    # Moments are the views 0, 2, 4, 6, 8 and 10; the rows are those amid the quarters of the time.
    for row, index in enumerate((2, 4, 6, 8)):
        y = 62 + 44 + row * (270 + 8) + 135
        colors = [picture[y, 8 + c * 488 + 240, ::-1].tolist() for c in range(columns)]
        shade = 20 * index
        expected = [[shade] * 3, list(CLASSES.palette_rgb[index % 4]), [255 - shade] * 3]
        expected += [list(CLASSES.palette_rgb[3])] if has_truth else []
        np.testing.assert_allclose(colors, expected, atol=2)


def test_the_first_view_is_shown_however_few_there_are(tmp_path):
    Album(tmp_path, moment_every=33).add(view(5, has_truth=False))
    picture = montage(tmp_path / 'moments', CLASSES, 'title')
    assert picture[62 + 44 + 135, 8 + 240].tolist() == pytest.approx([100] * 3, abs=2)


def test_a_run_without_moments_has_no_montage(tmp_path):
    with pytest.raises(ProcessError, match='no frame came back complete'):
        montage(tmp_path, CLASSES, 'title')


def test_animation_lasts_as_long_as_the_run(tmp_path):
    frames = sorted((traces(tmp_path).folder / 'video').iterdir())
    write_animation(frames, tmp_path / 'a.webp', 3.0)
    _, animation = cv2.imreadanimation(str(tmp_path / 'a.webp'))
    assert len(animation.frames) == 6
    assert sum(animation.durations) == 3000
    for index, frame in enumerate(animation.frames):
        assert abs(int(frame[100, 100, 0]) - (255 - 40 * index)) <= 3


def test_frames_of_another_size_are_fitted_into_the_first(tmp_path):
    for name, shape in (('1.png', (90, 160)), ('2.png', (80, 40)), ('3.png', (45, 80))):
        cv2.imwrite(str(tmp_path / name), np.full((*shape, 3), 200, np.uint8))
    write_animation(sorted(tmp_path.iterdir()), tmp_path / 'a.webp', 3.0)
    _, animation = cv2.imreadanimation(str(tmp_path / 'a.webp'))
    shown = [frame[..., 0] > 100 for frame in animation.frames]
    assert [lit.shape for lit in shown] == [(90, 160)] * 3
    # The second stands upright: half as wide as high, amid black.
    assert [lit.mean() for lit in shown] == pytest.approx([1, 45 / 160, 1], abs=0.02)
    assert shown[1][45, 80]


def test_one_frame_is_an_animation_too(tmp_path):
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((90, 160, 3), np.uint8))
    write_animation([tmp_path / '1.png'], tmp_path / 'a.webp', 1.0)
    assert cv2.imread(str(tmp_path / 'a.webp')).shape == (90, 160, 3)


def test_an_opencv_without_animations_is_told(monkeypatch):
    require_animations()
    monkeypatch.delattr(cv2, 'imwriteanimation')
    with pytest.raises(ConfigurationError, match=r'pip install .*4\.11'):
        require_animations()


class Page(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.num_open = 0

    def handle_starttag(self, tag, attrs):
        self.sources += [v for k, v in attrs if k in ('src', 'href')]
        self.num_open += tag not in ('img', 'meta')

    def handle_endtag(self, tag):
        self.num_open -= 1


def test_report_is_complete_and_stands_alone(tmp_path):
    output = tmp_path / 'out' / 'demo'
    run = tmp_path / 'run'
    run.mkdir()
    files = write_report(output, SOURCE, traces(run), FIGURES, known_contract(SIZE))
    assert [f.name for f in files] == [
        *('montage.png', 'overlay.webp', 'report.html', 'report.json'),
    ]
    assert sorted(output.iterdir()) == files

    text = (output / 'report.html').read_text()
    page = Page()
    page.feed(text)
    assert page.num_open == 0
    pictures = [base64.b64decode(s.partition('base64,')[2]) for s in page.sources]
    assert pictures == [(output / n).read_bytes() for n in ('overlay.webp', 'montage.png')]
    assert '&lt;a layout&gt;' in text
    assert '<a layout>' not in text
    assert re.search(r'frames dropped</th><td>2<', text)
    assert re.search(r'IoU drivable</th><td>0.800<', text)

    data = json.loads((output / 'report.json').read_text())
    assert (data['num_sent'], data['num_dropped']) == (12, 2)
    assert data['scores']['iou'] == {'other': 0.9, 'roadline': None}
    assert 'processor' in data['environment']


def test_a_failure_leaves_the_former_report_alone(tmp_path):
    run, output = tmp_path / 'run', tmp_path / 'out'
    run.mkdir()
    write_report(output, SOURCE, traces(run), FIGURES, known_contract(SIZE))
    before = {f.name: f.read_bytes() for f in output.iterdir()}
    (run / 'video' / f'{4:020d}.jpg').write_bytes(b'')
    with pytest.raises(ProcessError, match='damaged'):
        write_report(output, SOURCE, Traces([], {}, run), FIGURES, known_contract(SIZE))
    assert {f.name: f.read_bytes() for f in output.iterdir()} == before


def test_an_output_that_is_no_folder_is_told(tmp_path):
    (tmp_path / 'out').write_text('a file')
    with pytest.raises(ProcessError, match='the report cannot be written'):
        write_report(
            tmp_path / 'out', SOURCE, Traces([], {}, tmp_path), FIGURES, known_contract(SIZE)
        )
