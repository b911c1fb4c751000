// The runs of commands: each with its arguments and its result, the newest first.
import {go} from './address.js';
import {$, button, copy, el, spaced} from './dom.js';
import {drawEntry} from './entries.js';
import {fillForm, focusForm, keepTyped, typed} from './form.js';
import {clock, duration} from './format.js';
import {drawKept} from './kept.js';
import {shortened} from './long.js';
import {ask} from './server.js';
import {load, saveFirst} from './session.js';
import {chosen, instance, isOneOfSeveral, MASK} from './state.js';

const KEPT_RUNS = 50;
const SLOW_MS = 300;
const ERROR = 4;
const DEBUG_MODE = 'debug-mode';  // an argument of every command

let runs = load('runs', []).map((each) => ({...each, started: new Date(each.started)}));
let shown = runs.find((each) => each.isShown) || null;  // the run whose result is shown
let running = null;

export const isRunning = () => running !== null;

const quoted = (text) => (/^[^\s"`=]+$/.test(text) ? text : `"${text.replace(/"/g, '\\"')}"`);

// Return the line that runs the command in a War Room. The instance is of no concern to a script.
function line({title, command, args, secrets, of, isScript}) {
  if (title) return title;
  const given = Object.entries(args).map(([name, value]) => `${name}=${secrets.includes(name) ? MASK : quoted(value)}`);
  return [`!${command}`, ...given, ...(isScript || !isOneOfSeveral() ? [] : [`using=${quoted(of)}`])].join(' ');
}

const hasFailed = (each) => each.result.entries.some((entry) => entry.type === ERROR);

function failure(text) {
  return {milliseconds: 0, entries: [{id: '', type: ERROR, markdown: {text: ''}, contents: {text}, outputs: {text: ''}}]};
}

function setRunning(value) {
  running = value;
  for (const each of document.querySelectorAll('#view-commands .runs-it')) each.toggleAttribute('disabled', value !== null);
}

// Run it, once however often its button is pressed, and show its result unless another form was opened meanwhile.
export async function run(wanted) {
  if (running) return;
  const one = {...wanted, of: instance.instance, started: new Date()};
  one.line = line(one);
  const focused = /** @type {HTMLElement} */ (document.activeElement);
  setRunning(one);
  const slow = setTimeout(() => { $('running').textContent = `Running ${one.line} …`; }, SLOW_MS);
  const {command, args, incident} = one;
  try {
    const named = command ? {command, args, incident: incident || 'playground'} : {};
    one.result = await ask('POST', one.path, {instance: one.of, ...named});
  } catch (error) { one.result = failure(error.message); }
  clearTimeout(slow);
  $('running').textContent = '';
  setRunning(null);
  one.args = Object.fromEntries(Object.entries(args).filter(([name]) => !one.secrets.includes(name)));
  if (incident) one.args[''] = incident;
  finish(one);
  if (document.activeElement === document.body && focused.isConnected) focused.focus();
}

function finish(one) {
  forgetPlace();
  runs = [one, ...runs].slice(0, KEPT_RUNS);
  if (one.result.kept && one.of === instance.instance) drawKept(one.result.kept);
  if (!one.command || one.command === chosen) {
    shown = one;
    drawShown();
    reveal($('result').firstChild);
  } else drawRuns();
}

// Scroll if the beginning of the result would be seen at the lower edge only.
function reveal(title) {
  if (title.getBoundingClientRect().top > innerHeight * 0.6) title.scrollIntoView({block: 'center'});
}

// The list.

function drawRow(one) {
  const color = hasFailed(one) ? 'bad' : 'good';
  const id = `run-${runs.length - runs.indexOf(one)}`;
  return el('div', {class: 'run', role: 'option', id, 'aria-selected': String(one === shown), onclick: () => show(one)},
    ...spaced(clock(one.started), el('span', {class: color}, hasFailed(one) ? 'failed' : 'done'),
      el('bdi', {class: 'line', title: one.line}, one.line), el('span', {class: 'ms'}, duration(one.result.milliseconds))));
}

function drawRuns() {
  $('runs').hidden = $('runs-title').hidden = !runs.length;
  $('runs').replaceChildren(...runs.map(drawRow));
  const selected = $('runs').querySelector('[aria-selected="true"]');
  if (selected) { $('runs').setAttribute('aria-activedescendant', selected.id); selected.scrollIntoView({block: 'nearest'}); }
  else $('runs').removeAttribute('aria-activedescendant');
}

// Draw the run that is shown, and keep all for a reload.
function drawShown() {
  drawRuns();
  saveFirst('runs', runs.map((each) => ({...each, isShown: each === shown})));
  $('result').hidden = !shown;
  if (!shown) return;
  const {entries} = shown.result;
  const incident = shown.args[''] ? el('span', {class: 'dim'}, ` in incident ${shown.args['']}`) : null;
  $('result').replaceChildren(el('div', {class: 'part'}, el('h3', {}, ...shortened(shown.line, 160), incident),
    shown.command ? button('Copy', (event) => copy(shown.line, event.target), {class: 'quiet'}) : null),
    ...(entries.length ? entries.map(drawEntry) : [el('p', {class: 'dim'}, 'It returned nothing.')]), traceButton(shown) || '');
}

// Return a button that runs a failed command again with its traceback, if that may have one. Values of secret arguments are not
// kept for it.
function traceButton(one) {
  const {'': incident, ...args} = one.args;
  const hasTrace = one.result.entries.some((entry) => entry.type === ERROR && entry.canBeTraced);
  if (!one.command || args[DEBUG_MODE] || !hasTrace || one.of !== instance.instance || one.line.includes(MASK)) return null;
  const again = () => run({...one, args: {...args, [DEBUG_MODE]: 'true'}});
  return button('Run again with its traceback', again, {class: 'runs-it', disabled: isRunning()});
}

// Bring back a run: its command, its arguments and its result.
function show(one) {
  shown = one;
  drawShown();
  if (one.command) keepTyped(one.command, one.args);
  if (one.command && one.command !== chosen) go(`commands/${encodeURIComponent(one.command)}`);
  else if (one.command) fillForm(one.args);
}

// Bring back the run that is so many places older than the one that is shown.
function recall(by) {
  const one = runs[runs.indexOf(shown) + by];
  if (one) show(one);
}

let place = -1;  // of the run of the open form that was brought back, 0 for the latest, or -1 for what was typed
let draft = {};  // what was typed before an earlier run was brought back

// What is typed is no longer that of the run that was brought back.
export function forgetPlace() { place = -1; }

// Bring back an older (1) or newer (-1) run of the command whose form is open or, after the latest, what was typed.
export function recallOwn(by) {
  const own = runs.filter((each) => each.command === chosen);
  if (place < 0) draft = typed();
  const isOf = ({args}) => Object.entries(draft).every(([name, value]) => value === (args[name] ?? ''));
  const isLatest = place < 0 && own.length && shown === own[0] && isOf(own[0]);
  const to = (isLatest ? 0 : place) + by;
  if (to >= own.length) return;
  place = Math.max(to, -1);
  if (place < 0) fillForm(draft); else show(own[place]);
}

// Leave the result of another command behind when the form of this one is opened.
export function leaveRun(command) {
  forgetPlace();
  if (!shown || !shown.command || shown.command === command) return;
  shown = null;
  drawShown();
}

$('runs').addEventListener('keydown', (event) => {
  const by = {ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity}[event.key];
  if (by) {
    event.preventDefault();
    recall(Math.max(-runs.indexOf(shown), Math.min(by, runs.length - 1 - runs.indexOf(shown))));
  }
  if (event.key === 'Enter') $('run')?.form.requestSubmit();
  if (event.key === 'Escape') focusForm();
});

if (runs.length) drawShown();
