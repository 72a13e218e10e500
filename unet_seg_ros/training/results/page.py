"""The results of a training as one HTML page that needs no other file."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from string import Template

from unet_seg_ros.training.findings import Assessment
from unet_seg_ros.training.results.theme import Drawing

#: Keys of what is told about a run that the page opens with: its heading, and the line below it.
NAME, LEARNED_FROM = 'name', 'learned from'

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$name: training results</title>
<style>
:root { color-scheme: light dark; --page: #ffffff; --ink: #1d2026; --line: #8884; --soft: #8881; }
@media (prefers-color-scheme: dark) { :root { --page: #16181d; --ink: #e4e6ea; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto;
       padding: 0 1rem; background: var(--page); color: var(--ink); }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: 1rem;
     border-top: 1px solid var(--line); overflow-wrap: anywhere; }
p { max-width: 46rem; margin: .25rem 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem 1.5rem .35rem 0; vertical-align: top;
         border-bottom: 1px solid var(--line); }
th { font-weight: 500; }
.scores td, .scores thead th + th { text-align: right; }
.scores tr.main td { font-weight: 700; }
.figures { display: grid; gap: 2rem 1.5rem; align-items: start;
           grid-template-columns: repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); }
figure { margin: 0; }
figure.wide { grid-column: 1 / -1; }
figure img { display: block; width: 100%; height: auto; max-width: 1024px; }
figure.wide img { max-width: 100%; }
figcaption, .note { opacity: .75; font-size: .9rem; max-width: 46rem; }
pre { overflow-x: auto; padding: .75rem 1rem; border-radius: 6px; background: var(--soft);
      font-size: .85rem; line-height: 1.4; }
</style>
</head>
<body>
<h1>$name</h1>
$introduction
<div class="scroll"><table class="scores">
$scores
</table></div>
<p class="note">IoU: intersection over union, at the labels' own resolution. Boundary F-score:
outlines met within 0.75&nbsp;% of the image diagonal. ECE: expected calibration error, the mean
gap between confidence and accuracy. NLL: negative log-likelihood of a pixel's true class.</p>
$sections
<h2>Recipe and environment</h2>
$about
<h2>Where the numbers lie</h2>
<p>The figures of every source: <code>assessment.json</code>. The learning curves:
<code>metrics.csv</code>. The pictures by themselves: <code>figures/</code>. All beside this
page in the run folder.</p>
</body>
</html>
""")


@dataclass(frozen=True)
class Section:
    """
    A part of the page.

    Attributes
    ----------
    title : str
        Its heading.
    drawings : sequence of Drawing
        Its figures.

    """

    title: str
    drawings: Sequence[Drawing]


def page(
    about: Mapping[str, str],
    assessments: Mapping[str, Assessment],
    sections: Iterable[Section],
    picture_of: Callable[[Drawing, str], bytes],
) -> str:
    """
    Return the page.

    Parameters
    ----------
    about : mapping
        Text by label: ``name`` becomes the heading; what has several lines is shown as it is.
    assessments : mapping
        By source, for the table of scores.
    sections : iterable of Section
        The figures.
    picture_of : callable
        Gives the PNG of a figure in the theme ``light`` or ``dark``.

    """
    return _PAGE.substitute(
        name=escape(about.get(NAME, 'Training results')),
        introduction=_introduction(about, assessments),
        scores=_scores(assessments),
        sections='\n'.join(_section(section, picture_of) for section in sections),
        about=_about({k: v for k, v in about.items() if k not in (NAME, LEARNED_FROM)}),
    )


def _introduction(about: Mapping[str, str], assessments: Mapping[str, Assessment]) -> str:
    learned = f'Learned from {about[LEARNED_FROM]}. ' if LEARNED_FROM in about else ''
    frames = ', '.join(
        f'{name} ({found.num_frames} frames)' for name, found in assessments.items()
    )
    return f'<p>{escape(f"{learned}Assessed on {frames}." if frames else learned)}</p>'


def _scores(assessments: Mapping[str, Assessment]) -> str:
    found = assessments.values()
    rows: list[tuple[str, list[str]]] = [
        ('mean IoU', [_score(a.confusion.mean_iou()) for a in found]),
        ('drivable IoU', [_score(a.drivable_iou) for a in found]),
        ('mean boundary F-score', [_score(a.mean_boundary_f) for a in found]),
        ('pixel accuracy', [_score(a.confusion.accuracy()) for a in found]),
        ('temperature', [f'{a.temperature:.3f}' for a in found]),
        ('ECE before temperature', [_score(a.reliability[0].ece()) for a in found]),
        ('ECE after', [_score(a.reliability[1].ece()) for a in found]),
        ('NLL before temperature [nat]', [_score(a.reliability[0].nll()) for a in found]),
        ('NLL after [nat]', [_score(a.reliability[1].nll()) for a in found]),
    ]
    head = ''.join(f'<th scope="col">{escape(name)}</th>' for name in assessments)
    body = '\n'.join(
        f'<tr{" class=main" if name == "mean IoU" else ""}><th scope="row">{name}</th>'
        + ''.join(f'<td>{value}</td>' for value in values)
        + '</tr>'
        for name, values in rows
    )
    return f'<thead><tr><th></th>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>'


def _score(value: float) -> str:
    return 'none' if math.isnan(value) else f'{value:.4f}'


def _section(section: Section, picture_of: Callable[[Drawing, str], bytes]) -> str:
    figures = '\n'.join(_figure(drawing, picture_of) for drawing in section.drawings)
    return f'<h2>{escape(section.title)}</h2>\n<div class="figures">\n{figures}\n</div>'


def _figure(drawing: Drawing, picture_of: Callable[[Drawing, str], bytes]) -> str:
    light, dark = (_embedded(picture_of(drawing, theme)) for theme in ('light', 'dark'))
    wide = ' class="wide"' if drawing.is_wide else ''
    caption = escape(drawing.caption)
    return (
        f'<figure{wide}><picture>\n'
        f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">\n'
        f'<img src="{light}" alt="{caption}">\n'
        f'</picture><figcaption>{caption}</figcaption></figure>'
    )


def _embedded(png: bytes) -> str:
    return f'data:image/png;base64,{base64.b64encode(png).decode()}'


def _about(about: Mapping[str, str]) -> str:
    short = {label: text for label, text in about.items() if '\n' not in text}
    rows = '\n'.join(
        f'<tr><th scope="row">{escape(label)}</th><td>{escape(text)}</td></tr>'
        for label, text in short.items()
    )
    long = ''.join(
        f'\n<h3>{escape(label)}</h3>\n<pre>{escape(text)}</pre>'
        for label, text in about.items()
        if label not in short
    )
    return f'<div class="scroll"><table>{rows}</table></div>{long}'
