"""The viewer's page and its style; nothing in them comes from ROS or from another site."""

from __future__ import annotations

from unet_seg_ros.ros.view_script import SCRIPT

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>Segmentation</title>
<link rel="stylesheet" href="view.css">
<script src="view.js" defer></script>
</head>
<body>
<header><h1>Segmentation</h1><p id="connection" role="status"></p></header>
<noscript>This page needs JavaScript.</noscript>
<main>
<p id="notice" role="status" hidden></p>
<section id="cameras" aria-label="Cameras"></section>
<section id="classes" aria-label="Classes" hidden>
<h2>Classes</h2>
<ul></ul>
</section>
<section id="nodes" aria-label="Engines" hidden>
<h2>Engine</h2>
<div></div>
</section>
</main>
<template id="camera">
<article>
<div class="picture"><canvas width="16" height="9" role="img"></canvas>
<p class="badge"></p></div>
<div class="title"><h2></h2><p class="state"></p></div>
<dl></dl>
<p class="health"><span class="level"></span> <span class="message"></span></p>
<details><summary>Diagnostics</summary><table></table></details>
</article>
</template>
<template id="node">
<article>
<div class="title"><h3></h3></div>
<dl></dl>
<p class="health"><span class="level"></span> <span class="message"></span></p>
<details><summary>Diagnostics</summary><table></table></details>
</article>
</template>
</body>
</html>
"""

_STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #f5f6f7; --card: #fff; --line: #d9dde1; --text: #1c2126; --soft: #5b6670;
  --ok: #1a7f4b; --warn: #9a5b00; --error: #c02632;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1c2024; --line: #31383e; --text: #e4e8eb; --soft: #98a3ad;
    --ok: #57c68a; --warn: #e0a64a; --error: #f2757d;
  }
}
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
body { background: var(--ground); color: var(--text); padding: 1rem clamp(.75rem, 2vw, 2rem) 2rem;
       font: 15px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
header, .title { display: flex; align-items: baseline; justify-content: space-between;
                 gap: .25rem 1rem; flex-wrap: wrap; }
header { margin-bottom: 1rem; }
h1 { font-size: 1.25rem; font-weight: 600; }
h2, h3 { font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
section { margin-top: 1.5rem; }
section > h2 { margin-bottom: .5rem; }
#notice { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
          padding: .75rem 1rem; margin-bottom: 1rem; max-width: 60rem; }
#connection, .state, dt, summary { color: var(--soft); }
#connection.lost { color: var(--error); }
#cameras, #nodes > div { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
#cameras { margin-top: 0; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
          padding: .75rem .9rem; overflow: hidden; min-width: 0; }
.picture { position: relative; margin: -.75rem -.9rem .65rem; background: #0006; }
canvas { display: block; width: 100%; height: auto; }
.badge { position: absolute; left: .6rem; bottom: .6rem; max-width: calc(100% - 1.2rem);
         padding: .2rem .6rem; border-radius: 5px; background: #000b; color: #fff; }
.badge:empty, .health:has(.message:empty) { display: none; }
article.old canvas { opacity: .4; filter: grayscale(1); }
.state::before { content: '\\25CF'; margin-right: .4em; color: var(--soft); }
.state.live::before { color: var(--ok); }
.state.stale::before, .state.unreadable::before { color: var(--warn); }
.state.gone::before { color: var(--error); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr));
     gap: .4rem .75rem; margin: .5rem 0 .6rem; }
dl > div { min-width: 0; }
dt { font-size: .75rem; white-space: nowrap; }
dd { overflow-wrap: anywhere; }
.level { font-size: .8rem; font-weight: 600; }
.level.OK { color: var(--ok); }
.level.WARN, .level.STALE { color: var(--warn); }
.level.ERROR { color: var(--error); }
.message { overflow-wrap: anywhere; }
summary { cursor: pointer; font-size: .85rem; margin-top: .4rem; width: max-content; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; margin-top: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .15rem .75rem .15rem 0;
         border-top: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 400; color: var(--soft); white-space: nowrap; }
#classes ul { display: flex; flex-wrap: wrap; gap: .4rem 1.25rem; list-style: none; padding: 0; }
#classes span { display: inline-block; width: 1.5em; height: .95em; border-radius: 3px;
                border: 1px solid var(--line); margin-right: .45em; vertical-align: -.1em; }
#classes small { color: var(--soft); }
"""

#: The page's files: the path of each with its content type and its text.
PAGE_FILES = {
    '/': ('text/html; charset=utf-8', _PAGE),
    '/view.css': ('text/css; charset=utf-8', _STYLE),
    '/view.js': ('text/javascript; charset=utf-8', SCRIPT),
}
