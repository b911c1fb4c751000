// The page of the local XSOAR. Whatever comes from senders is shown as text, never as markup.
'use strict';

const $ = (id) => document.getElementById(id);
const ROW_HEIGHT = 32;
const SPARE_ROWS = 8;
const KEPT_LINES = 2000;
const KINDS = {siem: 'SIEM', cloud: 'Cloud', identity: 'Identity', edr: 'EDR', code: 'Code', monitoring: 'Monitoring', chat: 'Chat',
  tickets: 'Tickets', other: 'Others'};
const WAY_IN = '/instance/execute/';

// Elements.

function el(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) {
    if (name === 'class') element.className = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== 'list') element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const button = (label, press, options) => el('button', {type: 'button', onclick: press, ...options}, label);

function announce(text) { $('announce').textContent = text; }

async function copy(text, pressed) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {  // browsers allow the clipboard only for https and this machine
    const field = el('textarea', {value: text});
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
  if (!pressed) return;
  const before = pressed.dataset.label || (pressed.dataset.label = pressed.textContent);
  pressed.textContent = 'Copied';
  setTimeout(() => { pressed.textContent = before; }, 1200);
}

// The server.

async function ask(method, path, body) {
  const response = await fetch(`/localxsoar/${path}`, {method, body: body === undefined ? undefined : JSON.stringify(body),
    headers: body === undefined ? {} : {'Content-Type': 'application/json'}});
  const text = await response.text();
  let content = null;
  try { content = JSON.parse(text); } catch { /* a line of text */ }
  if (response.ok) return content;
  throw Object.assign(new Error((content && content.error) || text || response.statusText), {field: content && content.field});
}

// Times and sizes, short.

const time = (seconds) => new Date(seconds * 1000);
const two = (number) => String(number).padStart(2, '0');

function clock(date) {
  return el('span', {class: 'time', title: date.toISOString()}, `${two(date.getHours())}:${two(date.getMinutes())}`,
    el('span', {class: 'seconds'}, `:${two(date.getSeconds())}`));
}

function day(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `
    + `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function duration(ms) {
  if (ms < 1) return '<1 ms';
  return ms < 10000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(0)} s`;
}

// A list that puts only its visible rows into the document: thousands of rows would make the browser slow.

class Lines {
  constructor(name, key, draw, words, open) {
    this.box = $(name);
    this.pill = $(`pill-${name}`);
    this.name = name;
    this.key = key;
    this.draw = draw;
    this.words = words;
    this.open = open;
    this.all = [];
    this.shown = [];
    this.selected = null;
    this.unseen = 0;
    this.fresh = new Set();
    this.room = el('div', {class: 'room', role: 'presentation'});
    this.box.append(this.room);
    this.box.addEventListener('scroll', () => { this.plan(); if (this.box.scrollTop === 0) this.seen(); });
    this.box.addEventListener('click', (event) => {
      const row = event.target.closest('.row');
      if (row) this.open(this.shown[Number(row.dataset.at)]);
    });
    this.pill.addEventListener('click', () => { this.box.scrollTop = 0; this.seen(); });
    new ResizeObserver(() => this.plan()).observe(this.box);
  }

  set(items) { this.all = items; this.unseen = 0; this.filter(); }

  // Add an item on top without moving the rows that the user reads.
  add(item) {
    const at = this.all.findIndex((each) => each[this.key] === item[this.key]);
    if (at >= 0) {
      this.all[at] = item;
      const shown = this.shown.findIndex((each) => each[this.key] === item[this.key]);
      if (shown >= 0) this.shown[shown] = item;
      this.plan();
      return false;
    }
    this.all.unshift(item);
    if (!this.matches(item)) return true;
    this.shown.unshift(item);
    this.fresh.add(item[this.key]);
    setTimeout(() => this.fresh.delete(item[this.key]), 1200);
    if (this.box.scrollTop > 0) {
      this.resize();
      this.box.scrollTop += ROW_HEIGHT;
      this.unseen += 1;
      this.pill.textContent = `${this.unseen} new`;
      this.pill.hidden = false;
    }
    this.plan();
    return true;
  }

  trim(limit) { if (this.all.length > limit) { this.all.length = limit; this.filter(); } }

  seen() { this.unseen = 0; this.pill.hidden = true; }

  matches(item) {
    const wanted = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = wanted.length ? this.words(item).toLowerCase() : '';
    return wanted.every((word) => text.includes(word));
  }

  filter() {
    this.shown = this.all.filter((item) => this.matches(item));
    this.plan();
  }

  select(key) {
    this.selected = key;
    const at = this.shown.findIndex((item) => item[this.key] === key);
    if (at >= 0) {
      const top = at * ROW_HEIGHT;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      else if (top + ROW_HEIGHT > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + ROW_HEIGHT - this.box.clientHeight;
    }
    this.plan();
  }

  move(by) {
    const at = this.shown.findIndex((item) => item[this.key] === this.selected);
    const next = Math.max(0, Math.min(this.shown.length - 1, at < 0 ? 0 : at + by));
    if (this.shown[next]) this.select(this.shown[next][this.key]);
    return this.shown[next];
  }

  current() { return this.shown.find((item) => item[this.key] === this.selected); }

  resize() { this.room.style.height = `${this.shown.length * ROW_HEIGHT}px`; }

  plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => { this.planned = false; this.render(); });
  }

  render() {
    this.resize();
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const last = Math.min(this.shown.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW_HEIGHT) + SPARE_ROWS);
    const rows = [];
    for (let at = first; at < last; at += 1) {
      const item = this.shown[at];
      const row = this.draw(item);
      row.id = `${this.name}-${item[this.key]}`;
      row.classList.add('row');
      if (this.fresh.has(item[this.key])) row.classList.add('new');
      row.dataset.at = at;
      row.style.top = `${at * ROW_HEIGHT}px`;
      row.setAttribute('role', 'option');
      row.setAttribute('aria-selected', String(item[this.key] === this.selected));
      row.setAttribute('aria-setsize', this.shown.length);
      row.setAttribute('aria-posinset', at + 1);
      rows.push(row);
    }
    this.room.replaceChildren(...rows);
    const chosen = rows.find((row) => row.getAttribute('aria-selected') === 'true');
    if (chosen) this.box.setAttribute('aria-activedescendant', chosen.id);
    else this.box.removeAttribute('aria-activedescendant');
  }
}

// Deliveries.

function tone(delivery) {
  if (delivery.kind === 'waiting') return 'dim';
  if (delivery.kind === 'gone') return 'warn';
  if (delivery.kind === 'repeat' || delivery.kind === 'handshake') return 'again';
  if (!delivery.status || delivery.status >= 500) return 'bad';
  return delivery.status >= 400 ? 'bad' : 'good';
}

function which(delivery) {
  const [first] = delivery.incidents;
  const last = delivery.incidents[delivery.incidents.length - 1];
  return first === last ? first : `${first} to ${last}`;
}

function became(delivery) {
  const {kind, text} = delivery;
  if (kind === 'created') return [el('b', {class: 'good'}, `→ ${which(delivery)}`), text];
  if (kind === 'repeat') return [el('b', {class: 'again'}, `↺ ${which(delivery)}`), `repeat of ${text}`];
  if (kind === 'handshake') return [el('span', {class: 'again'}, 'handshake'), text];
  if (kind === 'waiting') return [el('span', {class: 'dim'}, 'waiting for the response…')];
  if (kind === 'answered') return [el('span', {class: 'dim'}, text)];
  return [el('span', {class: tone(delivery)}, text)];
}

function path(target) {
  const [head] = target.split('?');
  const own = `${WAY_IN}${encodeURIComponent(instance.instance || '')}`;
  return target === own ? '/' : head.startsWith(`${own}/`) || target.startsWith(`${own}?`) ? target.slice(own.length) : target;
}

function drawDelivery(delivery) {
  return el('div', {class: 'delivery'}, clock(time(delivery.started)), el('span', {class: 'method'}, delivery.method),
    el('span', {class: tone(delivery)}, String(delivery.status || (delivery.kind === 'waiting' ? '…' : '—'))),
    el('span', {class: 'sender'}, delivery.sender || '—'), el('span', {class: 'became', title: delivery.text}, ...became(delivery)),
    el('span', {class: 'path', title: delivery.target}, path(delivery.target)),
    el('span', {class: 'ms'}, delivery.kind === 'waiting' ? '' : duration(delivery.milliseconds)),
    el('span', {class: 'size'}, delivery.size ? size(delivery.size) : ''));
}

const deliveries = new Lines('deliveries', 'number', drawDelivery,
  (item) => `${item.method} ${item.target} ${item.status} ${item.sender} ${item.kind} ${item.incidents.join(' ')} ${item.text}`,
  (item) => go(`deliveries/${item.number}`));

let opened = null;  // the delivery in the detail
let part = 'request';
let bodyAs = 'tree';

async function openDelivery(number, shows) {
  const path = `deliveries/${number}`;
  const found = await ask('GET', shows ? `${path}?secrets=show` : path).catch((error) => error);
  if (location.hash !== `#/${path}`) return;  // the user has opened something else meanwhile
  opened = found instanceof Error ? null : found;
  if (!opened) {
    drawDetail('delivery', el('p', {class: 'dim'}, found.message));
    return;
  }
  opened.shows = Boolean(shows);
  drawOpened();
}

function drawDetail(name, ...children) {
  const detail = $(name);
  const top = detail.scrollTop;
  detail.replaceChildren(...children);
  detail.hidden = false;
  detail.scrollTop = top;
  detail.closest('.split').classList.add('opened');
}

function closeDetail() {
  for (const name of ['delivery', 'incident']) {
    $(name).hidden = true;
    $(name).closest('.split').classList.remove('opened');
  }
  opened = null;
}

function backButton(to) { return button('‹ Back', () => go(to), {class: 'quiet back'}); }

function drawOpened() {
  const item = opened;
  const result = el('p', {class: `result ${tone(item)}`}, el('span', {}, ...became(item)));
  const parts = [['request', 'Request'], ['answer', 'Response'],
    ...item.incidents.slice(0, 1).map((number) => ['incident', `Incident ${number}`])];
  if (!parts.some(([name]) => name === part)) part = 'request';
  const body = el('div');
  const tabs = el('div', {class: 'tabs', role: 'group', 'aria-label': 'Parts of the delivery'}, ...parts.map(([name, label]) => {
    const tab = button(label, () => { part = name; drawOpened(); });
    if (name === part) tab.setAttribute('aria-current', 'true');
    return tab;
  }));
  drawDetail('delivery', backButton('deliveries'),
    el('header', {}, el('h2', {class: 'request'}, `${item.method} ${item.target}`),
      el('b', {class: tone(item)}, item.status ? `${item.status} ${item.reason}` : '')),
    el('p', {class: 'meta'}, `${item.sender || 'unknown sender'} · ${duration(item.milliseconds)} · ${size(item.size)} · `
      + `${day(item.started * 1000)}`, item.peer === 'localxsoar' ? ' · sent from here' : ''),
    result,
    el('div', {class: 'acts'}, button('Send again', sendAgain, {class: 'main'}), button('Edit…', edit),
      button('Copy as curl', copyCurl, {id: 'copy-curl'}),
      item.can_be_signed ? el('span', {class: 'dim'}, 'will be signed again') : null),
    tabs, body);
  if (part === 'incident') drawIncident(item.incidents[0], body);
  else drawMessage(item[part], body);
}

function drawMessage(message, box) {
  const masked = message.headers.some((header) => header.masked) || opened.target.includes('•') || opened.shows;
  box.append(
    el('div', {class: 'part'}, el('h3', {}, `Headers ${message.headers.length}`), masked
      ? button(opened.shows ? 'Hide secrets' : 'Show secrets', () => openDelivery(opened.number, !opened.shows), {class: 'quiet'}) : null),
    el('table', {class: 'headers'}, el('tbody', {}, ...message.headers.map((header) => el('tr', {},
      el('th', {scope: 'row'}, header.name), el('td', {}, header.value))))));
  drawText('Body', message.body, box, {is_text: message.is_text, size: message.size, cut: message.cut});
}

// Show a text as a folded tree if it is JSON, and as plain text.
function drawText(title, text, box, {is_text: isText = true, size: bytes = text.length, cut = false} = {}) {
  let content;
  try { content = JSON.parse(text); } catch { content = undefined; }
  if (content === null || typeof content !== 'object') content = undefined;
  const view = el('div');
  const draw = () => view.replaceChildren(content !== undefined && bodyAs === 'tree' ? drawTree(content) : el('pre', {}, text || 'empty'));
  const choose = (name, label) => button(label, () => { bodyAs = name; again(); }, {class: 'quiet', 'aria-pressed': String(bodyAs === name)});
  const choices = el('div');
  const again = () => {
    choices.replaceChildren(...(content === undefined ? [] : [choose('tree', 'Tree'), choose('text', 'Text')]),
      button('Copy', (event) => copy(text, event.target), {class: 'quiet'}));
    draw();
  };
  again();
  box.append(el('div', {class: 'part'}, el('h3', {}, `${title} ${bytes ? size(bytes) : 'empty'}`), bytes ? choices : null));
  if (!isText) box.append(el('p', {class: 'dim'}, 'This is not text. The readable part of it:'));
  if (cut) box.append(el('p', {class: 'dim'}, 'Only the beginning is shown.'));
  if (bytes) box.append(view);
}

async function sendAgain() {
  if (!opened) return;
  try { go(`deliveries/${(await ask('POST', `deliveries/${opened.number}/send`, {})).number}`); } catch (error) { showFailure(error); }
}

function showFailure(error) {
  const result = $('delivery').querySelector('.result');
  if (result) result.replaceChildren(el('span', {class: 'bad'}, error.message));
}

function edit() {
  if (!opened) return;
  const item = opened;
  const target = el('input', {id: 'edit-target', value: item.target, spellcheck: false});
  const headers = el('textarea', {id: 'edit-headers', rows: Math.min(12, item.request.headers.length + 1), spellcheck: false,
    value: item.request.headers.map((header) => `${header.name}: ${header.value}`).join('\n')});
  let text = item.request.body;
  try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* as it came */ }
  const body = el('textarea', {id: 'edit-body', rows: 16, value: text, spellcheck: false});
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  const send = async (event) => {
    event.preventDefault();
    const lines = headers.value.split('\n').filter((line) => line.includes(':'));
    const edited = {target: target.value, headers: lines.map((line) => [line.slice(0, line.indexOf(':')).trim(),
      line.slice(line.indexOf(':') + 1).trim()])};
    if (body.value !== text) edited.body = body.value;
    try { go(`deliveries/${(await ask('POST', `deliveries/${item.number}/send`, edited)).number}`); } catch (error) { wrong.textContent = error.message; }
  };
  drawDetail('delivery', el('form', {class: 'edit', onsubmit: send}, el('h2', {}, 'Edit and send'),
    el('p', {class: 'dim'}, item.can_be_signed ? `Signed again as ${item.sender} signs. Masked values stay unchanged.`
      : 'Masked values stay unchanged.'),
    el('label', {htmlFor: 'edit-target'}, 'Path and query'), target, el('label', {htmlFor: 'edit-headers'}, 'Headers'), headers,
    el('label', {htmlFor: 'edit-body'}, 'Body'), body, wrong,
    el('div', {class: 'acts'}, el('button', {class: 'main'}, 'Send'), button('Cancel', drawOpened))));
  body.focus();
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Quote a word for a shell. A terminal interprets some bytes as key presses, even between quotes: a header with such bytes is written in octal.
function shellWord(text) {
  if (/^[\w.-]+$/.test(text)) return text;
  if (/^[ -~\u0100-\uffff]*$/.test(text)) return quoted(text);
  const octal = (byte) => `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
  return `"$(printf %b '${text.replace(/[^\w :;,./=\u0100-\uffff-]/g, octal)}')"`;
}

// Return the body as base64 if it is not text, contains key presses or, after its first line, `!` (history in older shells), or is very long.
function bodyInBase64({body, base64}) {
  if (base64 || (body.length < 30000 && !/[^\P{Cc}\n]|\n[^]*!/u.test(body))) return base64;
  return btoa(Array.from(new TextEncoder().encode(body), (byte) => String.fromCharCode(byte)).join(''));
}

function curlCommand({method, target, request}) {
  const leaveOut = ['host', 'content-length', 'transfer-encoding', 'connection', 'accept-encoding', 'expect'];
  const headers = request.headers.filter((header) => !leaveOut.includes(header.name.toLowerCase()));
  const hasType = headers.some((header) => header.name.toLowerCase() === 'content-type');
  // curl reads brackets as patterns, takes dots out of a path, and would ask another host for a target such as @host.
  const isUrl = /^\/[^[\]{}#\\]*$/.test(target) && !/\/(\.|%2e)/i.test(target.split('?')[0]);
  const words = ['curl', '-X', method, location.origin + (isUrl ? target : '/'), ...(isUrl ? [] : ['--request-target', target]),
    ...headers.flatMap((header) => ['-H', header.value ? `${header.name}: ${header.value}` : `${header.name};`]),
    ...(hasType || !request.size ? [] : ['-H', 'Content-Type:'])];
  const command = words.map(shellWord).join(' ');
  const base64 = bodyInBase64(request);
  if (base64) return `echo ${base64} | base64 -d | ${command} --data-binary @-`;
  return request.body ? `${command} --data-raw ${quoted(request.body)}` : command;
}

async function copyCurl(event) {
  if (!opened) return;
  let item = opened;
  try { item = await ask('GET', `deliveries/${opened.number}?secrets=show`); } catch { /* on another machine it stays masked */ }
  copy(curlCommand(item), event ? event.target : $('copy-curl'));
}

// A folded tree. The title of a value is its path, which a mapper needs.

function drawTree(content) {
  const tree = el('div', {class: 'tree'});
  if (Array.isArray(content)) tree.append(branch('', content, '', 0));
  else tree.append(...entries(content, '', 0));
  return tree;
}

function entries(content, at, depth) {
  const pairs = Array.isArray(content) ? content.map((value, index) => [String(index), value]) : Object.entries(content);
  const drawn = pairs.slice(0, 200).map(([key, value]) => branch(key, value, at ? `${at}.${key}` : key, depth));
  if (pairs.length > 200) {
    const more = button(`show ${pairs.length - 200} more`, () => more.replaceWith(...pairs.slice(200).map(([key, value]) =>
      branch(key, value, at ? `${at}.${key}` : key, depth))), {class: 'quiet more'});
    drawn.push(more);
  }
  return drawn;
}

function branch(key, value, at, depth) {
  const name = key === '' ? [] : [el('span', {class: 'key'}, key), ': '];
  if (value !== null && typeof value === 'object') {
    const count = Array.isArray(value) ? value.length : Object.keys(value).length;
    const list = el('ul');
    const fill = () => { if (!list.childElementCount) list.append(...entries(value, at, depth + 1).map((each) => el('li', {}, each))); };
    const box = el('details', {ontoggle: () => { if (box.open) fill(); }}, el('summary', {title: at}, ...name,
      el('span', {class: 'dim'}, Array.isArray(value) ? `[${count}]` : `{${count}}`)), list);
    if (depth < 2 && count <= 50) { fill(); box.open = true; }
    return box;
  }
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  const type = typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'plain';
  const span = el('span', {class: type}, shown.length > 600 ? `${shown.slice(0, 600)}… ` : shown);
  const more = shown.length > 600 ? button('show all', () => { span.textContent = shown; more.remove(); }, {class: 'quiet more'}) : null;
  return el('div', {class: 'leaf', title: at}, ...name, span, more,
    button('Copy', (event) => copy(shown, event.target), {class: 'quiet', 'aria-label': `Copy ${at}`}));
}

// Incidents.

const SEVERITIES = {0.5: 'info', 1: 'low', 2: 'medium', 3: 'high', 4: 'critical'};

function triage(item) {
  const severity = SEVERITIES[item.severity] || '';
  return [el('span', {class: `severity ${severity}`}, severity), item.state ? el('span', {class: 'good'}, item.state) : null];
}

const incidents = new Lines('incidents', 'id', (item) => {
  const [severity, state] = triage(item);
  return el('div', {class: 'incident'}, el('span', {class: 'id'}, item.id), severity,
    el('span', {class: 'became', title: item.name}, state, state ? ' ' : '', item.name), el('span', {class: 'type'}, item.type),
    el('span', {class: 'occurred', title: item.occurred}, day(item.occurred)), el('span', {class: 'source'}, item.sourceInstance));
},
(item) => `${item.id} ${SEVERITIES[item.severity] || ''} ${item.state} ${item.name} ${item.type} ${item.occurred} ${item.sourceInstance}`, (item) => go(`incidents/${item.id}`));

async function drawIncident(id, box) {
  let item;
  try { item = await ask('GET', `incidents/${id}`); } catch (error) { return box.append(el('p', {class: 'dim'}, error.message)); }
  const from = deliveries.all.filter((delivery) => delivery.incidents.includes(String(id)));
  box.append(el('h2', {}, item.name), el('p', {class: 'meta'}, `incident ${item.id} · ${item.type} · occurred ${day(item.occurred)} · `
    + `source ${item.sourceInstance}`),
  el('p', {class: 'triage'}, ...triage(item), item.dbotMirrorId ? el('span', {}, 'problem ', el('code', {}, item.dbotMirrorId)) : null));
  if (box.id === 'incident' && from.length) {
    box.append(el('p', {}, 'Delivered by ', ...from.flatMap((delivery, index) => [index ? ', ' : '',
      el('a', {href: `#/deliveries/${delivery.number}`}, `${delivery.sender || 'a request'} at ${day(delivery.started * 1000)}`)])));
  }
  drawText('Details', item.rawJSON, box);
}

async function openIncident(id) {
  const box = $('incident');
  box.replaceChildren(backButton('incidents'));
  box.hidden = false;
  box.closest('.split').classList.add('opened');
  await drawIncident(id, box);
}

// Try it.

let senders = [];

async function trySender(sender, title, wrong) {
  try {
    go(`deliveries/${(await ask('POST', `senders/${encodeURIComponent(sender.key)}/send`, {title})).number}`);
  } catch (error) { wrong.textContent = error.message; }
}

function drawSender(sender) {
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  return el('div', {class: 'card'}, el('strong', {}, sender.name), el('p', {}, sender.proof),
    el('div', {class: 'acts'}, ...sender.deliveries.map((title) => button(title, () => trySender(sender, title, wrong),
      {'aria-label': `Send ${sender.name}: ${title}`}))), wrong);
}

function drawTry() {
  const wanted = $('search').value.toLowerCase();
  const found = senders.filter((sender) => `${sender.name} ${sender.kind} ${sender.deliveries.join(' ')}`.toLowerCase().includes(wanted));
  $('view-try').replaceChildren(el('p', {class: 'dim'}, senders.length
    ? 'Click to send a real sample with a valid proof, and see what it becomes.'
    : 'No senders: start the local XSOAR with --senders DIR.'),
  ...Object.entries(KINDS).flatMap(([kind, label]) => {
    const some = found.filter((sender) => sender.kind === kind);
    return some.length ? [el('h2', {class: 'kind'}, label), el('div', {class: 'senders'}, ...some.map(drawSender))] : [];
  }));
}

function drawEmpty() {
  const isEmpty = !deliveries.all.length;
  $('empty').hidden = !isEmpty;
  if (!isEmpty || $('empty').dataset.for === String(senders.length) + (instance.curl || '')) return;
  $('empty').dataset.for = String(senders.length) + (instance.curl || '');
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  const curl = button('Copy', async (event) => { copy((await ask('GET', 'curl')).curl, event.target); }, {class: 'quiet'});
  $('empty').replaceChildren(el('h2', {}, 'Nothing has arrived yet'), el('p', {}, 'Send a request, and see here what it becomes.'),
    ...(instance.curl ? [el('div', {class: 'curl'}, el('pre', {}, instance.curl), curl)] : []),
    ...(senders.length ? [el('p', {}, 'Or send a sample of one of these senders:'),
      el('div', {class: 'acts'}, ...fiveSenders().map((sender) => button(sender.name, () => trySender(sender, undefined, wrong))),
        el('a', {href: '#/try'}, 'all senders'))] : []), wrong);
}

function fiveSenders() {
  const one = Object.keys(KINDS).map((kind) => senders.find((sender) => sender.kind === kind)).filter(Boolean);
  return one.slice(0, 5);
}

// The instance.

let instance = {};

function drawState() {
  const {enabled, ready, health = {}} = instance;
  const word = !enabled ? 'disabled' : health.isError ? health.error : ready ? 'Healthy' : 'starting';
  $('state').className = `state ${!enabled ? '' : health.isError ? 'bad' : ready ? 'good' : ''}`;
  $('instance-name').textContent = instance.instance || 'Local XSOAR';
  const restarts = instance.restarts ? ` · ${instance.restarts} restart${instance.restarts === 1 ? '' : 's'}` : '';
  $('health').textContent = word + restarts;
  $('address').textContent = `${location.origin}${WAY_IN}${encodeURIComponent(instance.instance || '')}`;
  $('address').parentElement.hidden = !instance.port;
  const button = $('enable');
  if (button) button.textContent = enabled ? 'Disable' : 'Enable';
  const facts = $('facts');
  if (facts) facts.replaceWith(drawFacts());
}

function drawFacts() {
  const rows = [['State', !instance.enabled ? 'disabled' : instance.ready ? 'listening' : 'starting'],
    ['Health', instance.health.error || 'Healthy'], ['Container port', instance.port || '—'], ['Process', instance.pid || '—'],
    ['Restarts', instance.restarts]];
  return el('dl', {id: 'facts', class: 'facts'}, ...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))]));
}

function drawField(field) {
  const id = `field-${field.name}`;
  const help = field.help ? el('p', {class: 'help', id: `${id}-help`}, field.help) : null;
  const options = {id, name: field.name, required: field.required && !field.secret, autocomplete: 'off'};
  if (help) options['aria-describedby'] = `${id}-help`;
  const label = el('label', {htmlFor: id}, field.label, field.required ? el('span', {class: 'bad', title: 'required'}, ' *') : '');
  const wrong = el('p', {class: 'wrong', id: `${id}-wrong`, role: 'alert'});
  const value = field.value === null || field.value === undefined ? '' : String(field.value);
  if (field.kind === 8) {
    return el('div', {class: 'field'}, el('input', {...options, type: 'checkbox', checked: field.value === true, required: false}), label, help, wrong);
  }
  if (field.kind === 9) {
    const password = el('input', {id: `${id}-password`, name: `${field.name}:password`, type: 'password', autocomplete: 'off',
      placeholder: field.set ? 'set; leave empty to keep it' : '', 'aria-label': `${field.label}: password`});
    return el('div', {class: 'field'}, label, el('input', {...options, value, placeholder: 'user'}), password, help, wrong);
  }
  let input;
  if (field.kind === 15) input = el('select', options, ...['', ...field.options].map((option) => el('option', {value: option, selected: option === value}, option)));
  else if (field.kind === 12 || field.kind === 14) input = el('textarea', {...options, rows: 4, value});
  else if (field.secret) input = el('input', {...options, type: 'password', placeholder: field.set ? '•••••• set; leave empty to keep it' : ''});
  else input = el('input', {...options, type: 'text', value, inputMode: field.kind === 1 ? 'numeric' : 'text'});
  return el('div', {class: 'field'}, label, input, help, wrong);
}

// Return the form's values; a secret only if a new one was typed.
function readForm(form) {
  const given = {};
  for (const field of instance.fields) {
    const input = form.elements[field.name];
    if (field.kind === 8) given[field.name] = input.checked;
    else if (field.kind === 9) {
      const password = form.elements[`${field.name}:password`].value;
      if (input.value !== (field.value || '') || password) given[field.name] = {identifier: input.value, password};
    } else if (!field.secret || input.value) given[field.name] = input.value;
  }
  return given;
}

function drawInstance() {
  const actionStatus = el('p', {role: 'status', id: 'action-status'});
  const act = (action) => async () => {
    for (const each of form.querySelectorAll('[aria-invalid]')) each.removeAttribute('aria-invalid');
    for (const each of form.querySelectorAll('.wrong')) each.textContent = '';
    actionStatus.className = 'dim';
    actionStatus.textContent = action === 'test' ? 'Testing…' : action === 'save' ? 'Testing and saving…' : '…';
    try {
      const described = await ask('POST', `instance/${action}`, ['test', 'save'].includes(action) ? readForm(form) : {});
      if (action !== 'test') { instance = described; drawState(); }
      if (action === 'save') drawInstance();
      const words = {test: 'The test succeeded.', save: 'Saved. The container restarts.', enable: 'Enabled.', disable: 'Disabled.'};
      $('action-status').textContent = words[action];
      $('action-status').className = 'good';
    } catch (error) {
      const input = error.field && form.elements[error.field];
      actionStatus.textContent = input ? '' : error.message;
      actionStatus.className = 'wrong';
      if (!input) return;
      input.setAttribute('aria-invalid', 'true');
      $(`${input.id}-wrong`).textContent = error.message;
      input.focus();
    }
  };
  const form = el('form', {id: 'form', noValidate: true, onsubmit: (event) => { event.preventDefault(); act('save')(); }},
    ...(instance.fields || []).map(drawField), el('div', {class: 'acts'}, button('Test', act('test'), {id: 'test'}),
      el('button', {class: 'main', id: 'save'}, 'Save'),
      button(instance.enabled ? 'Disable' : 'Enable', () => act(instance.enabled ? 'disable' : 'enable')(), {id: 'enable'})), actionStatus);
  const history = [...(instance.healthHistory || [])].reverse();
  $('view-instance').replaceChildren(form, el('aside', {}, el('h2', {}, instance.pack),
    el('p', {class: 'dim'}, instance.description), drawFacts(), el('h3', {}, 'Health, newest first'),
    history.length ? el('ol', {class: 'history'}, ...history.map((each) => el('li', {class: each.isError ? 'bad' : ''}, each.error || 'Healthy')))
      : el('p', {class: 'dim'}, 'No health has been reported.')));
}

// The log.

const LEVELS = {'': ['debug', 'info', 'error', 'print'], info: ['info', 'error', 'print'], error: ['error']};
let lines = [];
let toDraw = [];

function drawLine(line) {
  return el('div', {class: line.level === 'error' ? 'bad' : ''}, el('span', {class: 'time'}, line.time), ` ${line.level.padEnd(5)} ${line.text}`);
}

function isWanted(line) {
  return LEVELS[$('level').value].includes(line.level) && line.text.toLowerCase().includes($('search').value.toLowerCase());
}

function drawLog() {
  $('log').replaceChildren(...lines.filter(isWanted).map(drawLine));
  $('log').scrollTop = $('log').scrollHeight;
}

function addLine(line) {
  lines.push(line);
  if (lines.length > KEPT_LINES) lines.shift();
  if (view !== 'log' || !isWanted(line)) return;
  if (!toDraw.length) {
    requestAnimationFrame(() => {
      const box = $('log');
      const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      box.append(...toDraw.map(drawLine));
      toDraw = [];
      while (box.childElementCount > KEPT_LINES) box.firstChild.remove();
      if (follows) box.scrollTop = box.scrollHeight;
    });
  }
  toDraw.push(line);
}

// Live events.

let paused = null;  // the events that arrived while the page was paused
let arrived = 0;

function count() {
  $('count-deliveries').textContent = deliveries.all.length || '';
  $('count-incidents').textContent = incidents.all.length || '';
  $('no-incidents').hidden = incidents.all.length > 0;
  drawEmpty();
}

const HANDLERS = {
  delivery(item) {
    if (deliveries.add(item)) { arrived += 1; later(); }
    deliveries.trim(500);
    if (opened && opened.number === item.number && opened.kind === 'waiting') openDelivery(item.number);
    count();
  },
  incident(item) { incidents.add(item); count(); },
  log: addLine,
  state(item) { Object.assign(instance, item); drawState(); },
  cleared() { deliveries.set([]); count(); },
};

let telling = null;
function later() {
  if (telling) return;
  telling = setTimeout(() => {
    telling = null;
    announce(`${arrived} new ${arrived === 1 ? 'delivery' : 'deliveries'}`);
    arrived = 0;
  }, 1500);
}

function listen() {
  const events = new EventSource('/localxsoar/events');
  events.addEventListener('hello', () => { $('lost').hidden = true; if (!listen.loaded) load(); });
  events.addEventListener('reset', () => { listen.loaded = false; });
  for (const [kind, handle] of Object.entries(HANDLERS)) {
    events.addEventListener(kind, (event) => {
      const data = JSON.parse(event.data);
      if (!paused) return handle(data);
      paused.push([handle, data]);
      $('pause').textContent = `Resume (${paused.length})`;
    });
  }
  events.onerror = () => {
    $('lost').hidden = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  };
}

async function load() {
  listen.loaded = true;
  const [described, all, made, logged, known] = await Promise.all(['instance', 'deliveries', 'incidents/list', 'log', 'senders']
    .map((route) => ask('GET', route)));
  instance = described;
  senders = known;
  lines = logged;
  deliveries.set(all);
  incidents.set(made);
  drawState();
  count();
  route();
}

// Views and keys.

let view = '';

function go(to) { location.hash = `#/${to}`; }

function route() {
  const [name, id] = location.hash.replace(/^#\//, '').split('/');
  view = ['deliveries', 'incidents', 'try', 'instance', 'log'].includes(name) ? name : 'deliveries';
  for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== `view-${view}`;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#/${view}`) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
  document.title = `${{deliveries: 'Deliveries', incidents: 'Incidents', try: 'Try it', instance: 'Instance', log: 'Log'}[view]} · ${instance.instance || 'Local XSOAR'}`;
  if (view === 'deliveries' || view === 'incidents') {
    const list = view === 'deliveries' ? deliveries : incidents;
    if (id) {
      list.select(view === 'deliveries' ? Number(id) : id);
      (view === 'deliveries' ? openDelivery : openIncident)(id);
    } else { closeDetail(); list.plan(); }
  }
  if (view === 'try') drawTry();
  if (view === 'instance' && instance.fields) refreshInstance();
  if (view === 'log') drawLog();
}

async function refreshInstance() {
  drawInstance();
  instance = await ask('GET', 'instance');
  if (!$('form').contains(document.activeElement)) drawInstance();
}

function search() {
  if (view === 'try') drawTry();
  else if (view === 'log') drawLog();
  deliveries.filter();
  incidents.filter();
}

const isTyping = (target) => target.closest('input, textarea, select, dialog');

function press(event) {
  if (event.key === 'Escape' && event.target === $('search')) {
    $('search').value = '';
    search();
    (view === 'incidents' ? incidents : deliveries).box.focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const list = view === 'deliveries' ? deliveries : view === 'incidents' ? incidents : null;
  const inDetail = event.target.closest('.detail');
  const views = ['deliveries', 'incidents', 'try', 'instance', 'log'];
  const keys = {
    j: () => step(list, 1), ArrowDown: () => step(list, 1), k: () => step(list, -1), ArrowUp: () => step(list, -1),
    Enter: () => { if (list && list.current()) { list.open(list.current()); $(view === 'deliveries' ? 'delivery' : 'incident').focus(); } },
    Escape: () => { if (list) { go(view); list.box.focus(); } },
    '/': () => $('search').focus(), '?': () => $('help').showModal(), r: sendAgain, e: edit, c: () => copyCurl(),
  };
  if (inDetail && ['ArrowDown', 'ArrowUp', 'Enter'].includes(event.key)) return;
  if (!list && ['j', 'k', 'ArrowDown', 'ArrowUp', 'Enter'].includes(event.key)) return;
  if (event.key === 'Enter' && event.target.closest('a, button')) return;
  const act = keys[event.key] || (views[event.key - 1] && (() => go(views[event.key - 1])));
  if (!act) return;
  event.preventDefault();
  act();
}

function step(list, by) {
  const item = list.move(by);
  if (item && opened && view === 'deliveries') go(`deliveries/${item.number}`);
  else if (item && view === 'incidents' && !$('incident').hidden) go(`incidents/${item.id}`);
}

$('copy-address').addEventListener('click', (event) => copy($('address').textContent, event.target));
$('keys').addEventListener('click', () => $('help').showModal());
$('search').addEventListener('input', search);
$('level').addEventListener('change', drawLog);
$('pause').addEventListener('click', () => {
  const missed = paused;
  paused = missed ? null : [];
  $('pause').textContent = paused ? 'Resume' : 'Pause';
  $('pause').setAttribute('aria-pressed', String(Boolean(paused)));
  for (const [handle, data] of missed || []) handle(data);
});
window.addEventListener('hashchange', route);
document.addEventListener('keydown', press);
route();
listen();
