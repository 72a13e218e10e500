"""
The viewer's script: it asks for what is new, shows it, and asks again.

Whatever comes from ROS is put on the page as text, never as HTML.
"""

from __future__ import annotations

SCRIPT = """\
'use strict';

// Between two requests [ms]: pictures that come meanwhile are brought together by the next one,
// and nobody sees more than 20 a second.
const PAUSE = 50;

// An answer takes 0.4 s; without one for so long [ms], what is on the page is no longer known.
const PATIENCE = 2000;

const byId = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seen = new Map();   // camera: number of the picture shown last; '0' for none
const cards = new Map();  // camera or node: its card

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A value's rows are made once and changed from then on, so that a selection in them survives.
function setPairs(list, pairs, make) {
  const keys = pairs.map(([key]) => key).join('\\n');
  if (list.dataset.keys !== keys) {
    list.dataset.keys = keys;
    list.replaceChildren(...pairs.map(([key]) => make(key)));
  }
  const rows = list.rows ?? list.children;
  pairs.forEach(([, value], i) => setText(rows[i].lastChild, value));
}

function element(tag, text, ...children) {
  const made = document.createElement(tag);
  made.textContent = text;
  made.append(...children);
  return made;
}

const figure = (key) => element('div', '', element('dt', key), element('dd', ''));

function row(key) {
  const head = element('th', key);
  head.scope = 'row';
  return element('tr', '', head, element('td', ''));
}

function cardOf(kind, name, place) {
  const key = `${kind} ${name}`;
  if (!cards.has(key)) {
    const card = byId(kind).content.firstElementChild.cloneNode(true);
    cards.set(key, card);
    place.append(card);
    setText(card.querySelector('h2, h3'), name.replace(/^[/]/, '') || name);
  }
  return cards.get(key);
}

function showHealth(card, status) {
  const level = card.querySelector('.level');
  const late = status && status.age_s > 3 ? ` (said ${Math.round(status.age_s)} s ago)` : '';
  setText(level, status ? status.level : '');
  level.className = `level ${status ? status.level : ''}`;
  setText(card.querySelector('.message'), status ? (status.message || 'no message') + late : '');
  const details = card.querySelector('details');
  details.hidden = !status;
  setPairs(details.querySelector('table'), Object.entries(status?.values ?? {}), row);
}

const NONE = '\\u2013';

// Figures with their unit; a dash where none is known.
function figures(texts, digits, unit) {
  const values = texts.map((text) => Number.parseFloat(text));
  if (!values.every(Number.isFinite)) return NONE;
  return `${values.map((value) => value.toFixed(digits)).join(' / ')} ${unit}`;
}

function showCamera(camera) {
  const card = cardOf('camera', camera.name, byId('cameras'));
  const values = camera.status?.values ?? {};
  const since = `nothing for ${camera.age_s.toFixed(1)} s`;
  const told = {
    live: '',
    waiting: 'waiting for a picture',
    stale: since,
    unreadable: camera.refusal,
    gone: `nobody publishes it${camera.has_picture ? `: ${since}` : ''}`,
  }[camera.state];
  const state = card.querySelector('.state');
  setText(state, camera.state);
  state.className = `state ${camera.state}`;
  state.title = camera.topic;
  card.classList.toggle('old', camera.state !== 'live');
  setText(card.querySelector('.badge'), told);
  card.querySelector('canvas').setAttribute('aria-label', `${camera.name}: ${told || 'live'}`);
  setPairs(card.querySelector('dl'), [
    ['Shown', figures([camera.rate_hz], 1, 'Hz')],
    ['Segmented', figures([values.rate_hz], 1, 'Hz')],
    ['Latency p50/p95', figures([values.total_ms_p50, values.total_ms_p95], 0, 'ms')],
    ['Engine p50', figures([values.engine_ms_p50], 0, 'ms')],
    ['Dropped', values.dropped ?? NONE],
    ['Size', camera.size || NONE],
  ], figure);
  showHealth(card, camera.status);
  if (!seen.has(camera.name)) seen.set(camera.name, '0');
}

function showNode(node) {
  const card = cardOf('node', node.name, byId('nodes').lastElementChild);
  const values = node.status?.values ?? {};
  const shown = {backend: 'Backend', precision: 'Precision', model: 'Model', input_size: 'Input'};
  const pairs = Object.entries(shown).map(([key, name]) => [name, values[key] ?? NONE]);
  setPairs(card.querySelector('dl'), pairs, figure);
  showHealth(card, node.status);
  if (!node.status) setText(card.querySelector('.message'), 'no diagnostics yet');
}

function forget(kind, names) {
  for (const [key, card] of cards) {
    const name = key.slice(kind.length + 1);
    if (key.startsWith(`${kind} `) && !names.includes(name)) {
      card.remove();
      cards.delete(key);
      if (kind === 'camera') seen.delete(name);
    }
  }
}

function swatch(entry) {
  const item = element('li', '');
  if (entry.color) {
    const box = element('span', '');
    box.style.background = `rgb(${entry.color.map(Number).join(' ')})`;
    item.append(box);
  }
  item.append(entry.name);
  if (entry.drivable) item.append(element('small', ' (drivable)'));
  return item;
}

function showClasses(classes) {
  const list = byId('classes').querySelector('ul');
  const told = JSON.stringify(classes);
  byId('classes').hidden = classes.length === 0;
  if (list.dataset.told === told) return;
  list.dataset.told = told;
  list.replaceChildren(...classes.map(swatch));
}

function showNotice(state) {
  const lines = state.missing.map((name) => `Nobody publishes ${name}/segmentation/overlay yet.`);
  if (!lines.length && !state.cameras.length) {
    lines.push('No camera yet: nobody publishes a topic that ends in segmentation/overlay or '
      + `segmentation/mask. Is the node running and active, in ROS domain ${state.domain}?`);
  }
  setText(byId('notice'), lines.join(' '));
  byId('notice').hidden = lines.length === 0;
}

function show(state) {
  state.cameras.forEach(showCamera);
  forget('camera', state.cameras.map((camera) => camera.name));
  state.nodes.forEach(showNode);
  forget('node', state.nodes.map((node) => node.name));
  byId('nodes').hidden = state.nodes.length === 0;
  showClasses(state.classes);
  showNotice(state);
}

async function draw(name, file) {
  seen.set(name, file.name);
  const card = cards.get(`camera ${name}`);
  if (!card) return;
  const bitmap = await createImageBitmap(file);
  const canvas = card.querySelector('canvas');
  if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
  if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
  canvas.getContext('2d').drawImage(bitmap, 0, 0);
  bitmap.close();
}

async function ask() {
  const query = new URLSearchParams();
  for (const [name, number] of seen) query.append('seen', `${name}:${number}`);
  const response = await fetch(`live?${query}`, {signal: AbortSignal.timeout(10000)});
  if (!response.ok) throw new Error(response.status);
  const form = await response.formData();
  show(JSON.parse(form.get('state')));
  form.delete('state');
  await Promise.all([...form].map(([name, file]) => draw(name, file)));
}

function tellConnection(isThere) {
  setText(byId('connection'), isThere ? '' : 'no answer from unet-seg view');
  byId('connection').classList.toggle('lost', !isThere);
  if (isThere) return;
  for (const card of cards.values()) card.classList.add('old');
  for (const state of document.querySelectorAll('.state')) {
    setText(state, 'unknown');
    state.className = 'state';
  }
}

async function follow() {
  for (;;) {
    if (document.hidden) {
      // What nobody sees is not computed by the node.
      await new Promise((resolve) =>
        document.addEventListener('visibilitychange', resolve, {once: true}));
      continue;
    }
    const late = setTimeout(tellConnection, PATIENCE, false);
    try {
      await ask();
      tellConnection(true);
      await pause(PAUSE);
    } catch (error) {
      tellConnection(false);
      await pause(1000);
    } finally {
      clearTimeout(late);
    }
  }
}

follow();
"""
