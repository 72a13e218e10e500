"""The report of a run as one HTML file that needs no other."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from unet_seg_ros.core.classes import ClassTable

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1120px; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { max-width: 46rem; }
img { display: block; max-width: 100%; border-radius: 6px; }
.top { display: grid; grid-template-columns: minmax(0, 5fr) minmax(23rem, 4fr); gap: 1.5rem;
       align-items: start; margin-top: 1.25rem; }
.top img { width: 100%; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
         vertical-align: top; }
th { font-weight: 500; white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; padding: 0; list-style: none; }
.legend span { display: inline-block; width: 1.6em; height: 1em; border-radius: 3px;
               margin-right: .5em; vertical-align: -.1em; border: 1px solid var(--line); }
.note { opacity: .75; font-size: .9rem; }
@media (max-width: 860px) { .top { grid-template-columns: 1fr; } }
</style>
</head>
<body>
<h1>$title</h1>
<p>$introduction</p>
<div class="top">
<div><img src="$animation" alt="The overlay that the node published, over the whole run">
<ul class="legend">$legend</ul></div>
<div class="scroll"><table>$figures</table></div>
</div>
<h2>Some moments</h2>
<img src="$montage" alt="Camera image, class mask and overlay side by side">
<h2>How it was measured</h2>
$notes
<h2>Where</h2>
<div class="scroll"><table>$environment</table></div>
</body>
</html>
""")

_TYPES = {'.png': 'image/png', '.webp': 'image/webp'}


@dataclass(frozen=True)
class Report:
    """
    What the page tells.

    Attributes
    ----------
    title, introduction : str
        A heading, and the sentence below it.
    rows : sequence of (str, str)
        The figures.
    notes : sequence of str
        One paragraph each.
    environment : mapping
        Where it ran.
    table : ClassTable
        The classes, for the legend.

    """

    title: str
    introduction: str
    rows: Sequence[tuple[str, str]]
    notes: Sequence[str]
    environment: Mapping[str, str]
    table: ClassTable


def render(report: Report, montage: Path, animation: Path) -> str:
    """
    Return the page.

    Parameters
    ----------
    report : Report
        What it tells.
    montage, animation : Path
        The pictures; the page carries them in itself.

    """
    return _PAGE.substitute(
        title=escape(report.title),
        introduction=escape(report.introduction),
        animation=_embedded(animation),
        montage=_embedded(montage),
        legend=''.join(
            f'<li><span style="background: rgb{c.color}"></span>{escape(c.name)}</li>'
            for c in report.table.classes
        ),
        figures=_rows(report.rows),
        notes=''.join(f'<p class="note">{escape(note)}</p>\n' for note in report.notes),
        environment=_rows(report.environment.items()),
    )


def _embedded(picture: Path) -> str:
    data = base64.b64encode(picture.read_bytes()).decode()
    return f'data:{_TYPES[picture.suffix]};base64,{data}'


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return '\n'.join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
