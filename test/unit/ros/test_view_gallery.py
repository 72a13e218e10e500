"""The viewer's gallery: who looks at what."""

from __future__ import annotations

import pytest

from unet_seg_ros.ros import view_gallery
from unet_seg_ros.ros.view_gallery import Gallery


@pytest.fixture
def gallery(monkeypatch) -> Gallery:
    monkeypatch.setattr(view_gallery, '_LINGER_S', 0.0)
    return Gallery()


def test_a_camera_is_watched_while_a_browser_looks(gallery):
    gallery.add('/front')
    with gallery.watching(['/front', '/none']), gallery.watching(['/front']):
        assert gallery.is_watched('/front')
        assert not gallery.is_watched('/none')
    assert not gallery.is_watched('/front')


def test_a_camera_that_comes_back_while_a_browser_waits_is_watched_again(gallery):
    gallery.add('/front')
    with gallery.watching(['/front']):
        gallery.remove('/front')
        gallery.add('/front')
    assert not gallery.is_watched('/front')
    with gallery.watching(['/front']):
        assert gallery.is_watched('/front')
