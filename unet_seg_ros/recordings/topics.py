"""Which topics of a bag hold images and which their labels, told by the sensors' names."""

from __future__ import annotations

from collections.abc import Collection

from unet_seg_ros.core.errors import RecordingError

# How the names of CARLA's sensors begin; those of the others hold no picture of the scene, or
# what a segmentation node made of one.
_IMAGES = 'rgb'
_LABELS = ('semantic_segmentation', 'semantic')
_OTHERS = ('depth', 'dvs', 'instance', 'optical_flow', 'segmentation')

# Ends of image topics, which name no sensor.
_ENDS = ('image', 'image_raw', 'image_color', 'image_rect', 'image_rect_color', 'compressed')
_COMPRESSED = '/compressed'


def choose_topics(
    topics: Collection[str], images: str | None = None, labels: str | None = None
) -> tuple[str, str]:
    """
    Return the topic of images and that of their labels.

    Where several cameras were recorded, the pair is taken whose sensors differ in nothing but
    their kind, as rgb_front and semantic_segmentation_front do. What was recorded raw and
    compressed is read raw.

    Parameters
    ----------
    topics : collection of str
        The image topics that have messages.
    images, labels : str, optional
        The topics, where their names do not tell.

    Raises
    ------
    RecordingError
        If one of the two is not there, or several may be meant.

    """
    listed = ', '.join(sorted(topics)) or 'none'
    for named in (images, labels):
        if named is not None and named not in topics:
            raise RecordingError(f'no images on {named}; there are {listed}')
    raw = [t for t in sorted(topics) if t.removesuffix(_COMPRESSED) not in set(topics) - {t}]
    plain = [t for t in raw if not _is_a(t, (*_LABELS, *_OTHERS))]
    colored = [images] if images else [t for t in plain if _is_a(t, (_IMAGES,))] or plain
    semantic = [labels] if labels else [t for t in raw if _is_a(t, _LABELS)]
    if not colored or not semantic:
        what = 'labels' if colored else 'images'
        raise RecordingError(f'no topic looks like {what}; name one of {listed}')
    pairs = [(i, s) for i in colored for s in semantic]
    if len(pairs) > 1:
        pairs = [(i, s) for i, s in pairs if _mount(i) == _mount(s)]
    if len(pairs) != 1:
        raise RecordingError(
            f'several topics may be meant; name one for images of {", ".join(colored)} and one '
            f'for labels of {", ".join(semantic)}'
        )
    return pairs[0]


def _sensor(topic: str) -> list[str]:
    return [part for part in topic.split('/') if part and part not in _ENDS]


def _is_a(topic: str, kinds: tuple[str, ...]) -> bool:
    return any(part.startswith(kinds) for part in _sensor(topic))


def _mount(topic: str) -> list[str]:
    """Return where a sensor sits: its name without its kind."""
    kinds = (_IMAGES, *_LABELS)
    parts = []
    for part in _sensor(topic):
        kind = next((k for k in kinds if part.startswith(k)), '')
        parts.append(part.removeprefix(kind).strip('_'))
    return [part for part in parts if part]
