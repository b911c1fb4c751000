// The instance: its state and its form.
import {$, button, el} from './dom.js';
import {clock, time} from './format.js';
import {drawFaults} from './faults.js';
import {ask} from './server.js';
import {instance, own, setInstance, WAY_IN} from './state.js';
import {visible} from './visible.js';

const SAVED = 'Saved. Leave empty to keep it.';

let isLost = false;  // whether the connection to the server is lost

export function setLost(lost) {
  isLost = lost;
  $('lost').hidden = !lost;
  drawState();
}

// Return the word and the color of the state.
function status() {
  const {enabled, ready, longRunning, ending, health = {}} = instance;
  if (isLost) return ['state unknown', 'lost'];
  if (!instance.instance) return ['loading…', ''];
  if (!enabled) return ['disabled', ''];
  if (ending) return ['crashed', 'bad'];
  if (health.isError) return [health.error, 'bad'];
  if (!longRunning) return ['Ready', 'good'];
  return ready ? ['Healthy', 'good'] : ['starting', ''];
}

export const address = () => (instance.instance ? `${location.origin}${WAY_IN}${encodeURIComponent(instance.instance)}` : '');

export function drawState() {
  const [word, color] = status();
  $('state').className = `state ${color}`;
  $('instance-name').textContent = instance.instance || 'Local XSOAR';
  const restarts = instance.restarts && !isLost ? ` · ${instance.restarts} restart${instance.restarts === 1 ? '' : 's'}` : '';
  $('health').textContent = $('health').title = visible(word) + restarts;
  $('address').textContent = address();
  $('address').parentElement.hidden = !instance.port;
  const button = $('enable');
  if (button) button.textContent = instance.enabled ? 'Disable' : 'Enable';
  const facts = $('facts');
  if (facts) facts.replaceWith(drawFacts());
}

// Return what the schedule says in words, such as `fetches incidents every minute`, or ''.
function describeSchedule(schedule) {
  const every = (seconds) => `every ${seconds === 60 ? 'minute' : `${seconds / 60} min`}`;
  const each = Object.entries(schedule).map(([command, seconds]) => `${command.replace('fetch-', '')} ${every(seconds)}`);
  return each.length ? `fetches ${each.join(' and ')}` : '';
}

// The health has the whole error.
function drawFetch({time: at, pulled, error, traceback}) {
  if (!error) return [clock(new Date(at)), ` ${pulled} new`];
  const whole = () => el('details', {}, el('summary', {}, 'Traceback'), el('pre', {class: 'traceback'}, traceback + error));
  return [clock(new Date(at)), ` failed: ${error.split('\n')[0]}`, traceback ? whole() : null];
}

function describeState() {
  const {enabled, ready, longRunning, port, ending, schedule = {}} = instance;
  if (isLost) return 'unknown (connection lost)';
  if (!enabled) return 'disabled';
  if (ending) return `crashed; it is ${ending.delay === null ? 'not ' : ''}started again`;
  const works = !longRunning ? 'enabled' : !ready ? 'starting' : port ? 'listening' : 'running';
  return [works, describeSchedule(schedule)].filter(Boolean).join('; ');
}

function drawFacts() {
  const {longRunning, port, ending, fetch} = instance;
  const rows = [['State', describeState()],
    ...(fetch ? [['Last fetch', drawFetch(fetch)]] : []),
    ...(port ? [['Address', address()], ['Container port', port]] : []),
    ...(longRunning ? [['Process', instance.pid || '—'], ['Restarts', instance.restarts]] : [])];
  return el('div', {id: 'facts'}, ...(ending ? drawEnding(ending) : []),
    el('dl', {class: 'facts'}, ...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])));
}

function drawEnding({time: seconds, how, reason, traceback}) {
  return [el('h3', {class: 'bad'}, `The container ended (${how}) at `, clock(time(seconds))),
    reason ? el('p', {}, reason) : null, traceback ? el('pre', {class: 'traceback'}, traceback) : null];
}

function drawOptions(all, chosen) {
  return all.map((option) => el('option', {value: option, selected: chosen.includes(option)}, option));
}

function drawInput(field, options) {
  const {kind, options: offered, set} = field;
  const value = String(field.value ?? '');
  if (kind === 8) return el('input', {...options, type: 'checkbox', checked: field.value === true, required: false});
  if (kind === 16 && offered.length) {
    const several = {multiple: true, size: Math.min(offered.length, 6)};
    return el('select', {...options, ...several}, ...drawOptions(offered, field.value || []));
  }
  if (kind === 15) return el('select', options, ...drawOptions(['', ...offered], [value]));
  if (kind === 12 || kind === 14) return el('textarea', {...options, rows: 4, value});
  if (field.secret) return el('input', {...options, type: 'password', placeholder: set ? SAVED : ''});
  return el('input', {...options, type: 'text', value, inputMode: kind === 1 ? 'numeric' : 'text'});
}

// Return the inputs of a user, if it is shown, and a password.
function drawCredentials({name, label, password, value, set, hidesUser}, options) {
  const secret = {type: 'password', autocomplete: 'off', placeholder: set ? SAVED : ''};
  if (hidesUser) return [el('input', {...options, ...secret})];
  const own = {id: `${options.id}-password`, name: `${name}:password`, 'aria-label': `${label}: ${password}`};
  return [el('input', {...options, value: value ?? '', placeholder: 'user'}), el('input', {...own, ...secret})];
}

function drawField(field) {
  const id = `field-${field.name}`;
  const help = field.help ? el('p', {class: 'help', id: `${id}-help`}, field.help) : null;
  const options = {id, name: field.name, required: field.required && !field.secret, autocomplete: 'off',
    ...(help ? {'aria-describedby': `${id}-help`} : {})};
  const mark = field.required ? el('span', {class: 'bad', title: 'required'}, ' *') : '';
  const label = el('label', {htmlFor: id}, field.label, mark);
  const inputs = field.kind === 9 ? drawCredentials(field, options) : [drawInput(field, options)];
  return el('div', {class: 'field'}, ...(field.kind === 8 ? [...inputs, label] : [label, ...inputs]), help,
    el('p', {class: 'wrong', id: `${id}-wrong`, role: 'alert'}));
}

// Return the form's values; a secret only if a new one was typed.
function readForm(form) {
  const given = {};
  for (const field of instance.fields) {
    const input = form.elements[field.name];
    if (field.kind === 8) given[field.name] = input.checked;
    else if (field.hidesUser) {
      if (input.value) given[field.name] = {identifier: '', password: input.value};
    } else if (field.kind === 9) {
      const password = form.elements[`${field.name}:password`].value;
      if (input.value !== (field.value || '') || password) given[field.name] = {identifier: input.value, password};
    } else if (input.multiple) given[field.name] = [...input.selectedOptions].map((option) => option.value);
    else if (!field.secret || input.value) given[field.name] = input.value;
  }
  return given;
}

const DONE = {
  test: ({said}) => (said === 'ok' ? 'The test succeeded.' : said),
  save: ({enabled, longRunning}) => (enabled && longRunning ? 'Saved. The container restarts.' : 'Saved.'),
  fetch: ({fetch}) => `${fetch.pulled} new.`,
  enable: ({enabled}) => (enabled ? 'Enabled.' : 'It is still disabled.'), disable: () => 'Disabled.',
};
const BUSY = {
  test: 'Testing…', save: 'Testing and saving…', enable: 'Enabling…', disable: 'Disabling…', fetch: 'Fetching…',
};

// Return a text of one or more lines as nodes.
const broken = (text) => visible(text).split('\n').flatMap((line, number) => (number ? [el('br'), line] : [line]));

function say(text, color) {
  $('action-status').replaceChildren(...broken(text));
  $('action-status').className = color;
  $('action-status').scrollIntoView({block: 'nearest'});
}

// Meanwhile no other instance can be chosen.
function setBusy(isBusy) {
  const all = [$('instances'), ...document.querySelectorAll('#form .acts button')];
  for (const each of all) each.toggleAttribute('disabled', isBusy);
}

function showWrong(form, error) {
  const input = error.field && form.elements[error.field];
  say(input ? '' : error.message, 'wrong');
  if (!input) return;
  input.setAttribute('aria-invalid', 'true');
  $(`${input.id}-wrong`).replaceChildren(...broken(error.message));
  input.focus();
}

// Do what a button of the form says, once: meanwhile all of them are disabled.
async function act(action) {
  const form = $('form');
  const focused = document.activeElement.id;
  for (const each of form.querySelectorAll('[aria-invalid]')) each.removeAttribute('aria-invalid');
  for (const each of form.querySelectorAll('.wrong')) each.textContent = '';
  say(BUSY[action], 'dim');
  setBusy(true);
  try {
    const described = await ask('POST', own(`instance/${action}`), ['test', 'save'].includes(action) ? readForm(form) : {});
    if (described.instance !== instance.instance) return;  // another one was chosen meanwhile
    if (action !== 'test') { setInstance(described); drawState(); }
    if (action === 'save') drawInstance();
    say(DONE[action](described), 'good');
  } catch (error) { showWrong(form, error); }
  finally { setBusy(false); }
  if (document.activeElement === document.body && $(focused)) $(focused).focus();
}

let isTyped = false;  // whether something was typed into the form and not saved

function drawForm() {
  const listeners = {oninput() { isTyped = true; }, onsubmit(event) { event.preventDefault(); act('save'); }};
  const enable = () => act(instance.enabled ? 'disable' : 'enable');
  isTyped = false;
  return el('form', {id: 'form', noValidate: true, ...listeners}, ...(instance.fields || []).map(drawField),
    el('div', {class: 'acts'}, button('Test', () => act('test'), {id: 'test'}), el('button', {class: 'main', id: 'save'}, 'Save'),
      instance.fetches ? button('Fetch now', () => act('fetch'), {id: 'fetch'}) : null,
      button(instance.enabled ? 'Disable' : 'Enable', enable, {id: 'enable'})),
    el('p', {role: 'status', id: 'action-status'}));
}

function drawInstance() {
  const form = drawForm();
  $('view-instance').replaceChildren(form, el('aside', {}, el('h2', {}, instance.pack),
    el('p', {class: 'dim'}, instance.description), drawFacts(), drawFaults(),
    el('h3', {}, 'Health, newest first'), drawHistory()));
}

// Return the reports of health, the newest first, each with how many the same it stands for and since when.
function healths() {
  const rows = [];
  for (const each of instance.healthHistory || []) {
    if (rows[0]?.error === each.error) Object.assign(rows[0], {time: each.time, count: rows[0].count + 1});
    else rows.unshift({...each, since: each.time, count: 1});
  }
  return rows;
}

function drawHealth({time: at, since, count, error, isError}) {
  return el('li', {class: isError ? 'bad' : ''}, clock(time(at)), ' ', error || 'Healthy',
    ...(count > 1 ? [el('span', {class: 'dim'}, ` × ${count} since `, clock(time(since)))] : []));
}

function drawHistory() {
  const rows = healths();
  return el('div', {id: 'history'}, rows.length ? el('ol', {class: 'history'}, ...rows.map(drawHealth))
    : el('p', {class: 'dim'}, 'No health has been reported.'));
}

// Draw the health that was reported since, without what is being typed into the form.
export async function refreshHistory() {
  if (!$('history')?.checkVisibility()) return;
  const described = await ask('GET', own('instance')).catch(() => instance);
  if (described.instance !== instance.instance) return;
  instance.healthHistory = described.healthHistory;
  $('history').replaceWith(drawHistory());
}

export async function refreshInstance() {
  const isChanged = () => isTyped && $('form');  // what was typed stays; another instance has another form
  if (!isChanged()) drawInstance();
  const described = await ask('GET', own('instance')).catch(() => null);
  if (!described || described.instance !== instance.instance) return;  // the connection is lost, or another one was chosen
  setInstance(described);
  if (!isChanged() && !$('form').contains(document.activeElement)) drawInstance();
}
