// The commands of the chosen instance and the scripts of its pack: their list, and the form of one.
import {go, step} from './address.js';
import {setChoice} from './choice.js';
import {$, button, el} from './dom.js';
import {fillForm, focusForm, focusFormIfWanted, inputs, keepTyped, keptTyped, typed, wantFormFocus} from './form.js';
import {drawKept} from './kept.js';
import {drawLog} from './log.js';
import {forgetPlace, isRunning, leaveRun, recallOwn, run} from './runs.js';
import {ask} from './server.js';
import {chosen, instance, own, setChosen} from './state.js';

const WIDE = matchMedia('(min-width: 821px)');

let known = {instances: [], scripts: [], server: []};

export function setCommands(listed) {
  known = listed;
  setChoice(listed.instances);
}

const ownInstance = () => known.instances.find((each) => each.name === instance.instance) || {commands: []};

// Return the lists by their titles, each with the commands that have the words of the search.
function lists() {
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = ({name, description}) => words.every((word) => `${name} ${description}`.toLowerCase().includes(word));
  const all = [['Commands', ownInstance().commands], ['Scripts', known.scripts], ['Server', known.server]];
  return all.map(([title, some]) => [title, some.filter(has)]).filter(([, some]) => some.length);
}

const find = (name) => [...known.scripts, ...ownInstance().commands, ...known.server].find((each) => each.name === name);
const address = (name) => `commands/${encodeURIComponent(name)}`;

// The list.

// Let the form of a command have the focus, now or when it is opened.
function choose(command) {
  wantFormFocus();
  if (command.name === chosen) focusForm();
}

function drawLink(command) {
  return el('li', {}, el('a', {href: `#/${address(command.name)}`, title: command.description, onclick: () => choose(command),
    'aria-current': command.name === chosen ? 'true' : 'false'}, command.name));
}

export function drawChoices() {
  const drawn = lists().flatMap(([title, some]) => [el('h2', {}, title), el('ul', {}, ...some.map(drawLink))]);
  const all = known.scripts.length + ownInstance().commands.length + known.server.length;
  const none = all ? `0 of ${all} match.` : 'The pack has no commands.';
  $('choices').replaceChildren(...(drawn.length ? drawn : [el('p', {class: 'dim'}, none)]));
}

export function openFirst() {
  const [first] = lists().flatMap(([, some]) => some);
  if (!first) return;
  choose(first);
  go(address(first.name));
}

function drawActs() {
  const start = (title, path) => run({title, path: `commands/${path}`, command: '', args: {}});
  const act = (label, path) => button(label, () => start(label, path), {class: 'runs-it', disabled: isRunning()});
  $('instance-acts').replaceChildren(act('Test', 'test'), ...(ownInstance().fetches ? [act('Fetch now', 'fetch')] : []));
}

// The form.

function help({description, options, isArray, deprecated}) {
  return [deprecated ? 'Deprecated.' : '', description, isArray ? 'Several values with commas.' : '',
    isArray && options.length ? `Of: ${options.join(', ')}.` : ''].filter(Boolean).join(' ');
}

function drawInput({options: offered, isArray, value, secret}, options) {
  if (!offered.length || isArray) return el('input', {...options, type: secret ? 'password' : 'text', placeholder: value});
  return el('select', options, el('option', {value: ''}, value ? `${value} (default)` : ''),
    ...offered.map((each) => el('option', {value: each}, each)));
}

function drawArgument(argument) {
  const {name, required, value} = argument;
  const id = `argument-${name}`;
  const text = help(argument);
  const options = {id, 'data-argument': name, autocomplete: 'off', spellcheck: false, required: required && !value};
  const described = text ? {'aria-describedby': `${id}-help`} : {};
  return el('div', {class: 'field'},
    el('label', {htmlFor: id}, name, required ? el('span', {class: 'bad', title: 'required'}, ' *') : ''),
    drawInput(argument, {...options, ...described}), text ? el('p', {class: 'help', id: `${id}-help`}, text) : null);
}

// Scripts are often for an incident; a command runs in the playground.
const INCIDENT = {name: '', options: [], value: '',
  description: 'The number of an incident. If it is empty, the script runs in the playground.'};

function submit(command, isScript) {
  const given = inputs().filter((input) => input.value).map((input) => [input.dataset.argument, input.value]);
  const {'': incident, ...args} = Object.fromEntries(given);
  const secrets = command.arguments.filter((each) => each.secret).map((each) => each.name);
  run({title: '', path: 'commands', command: command.name, args, secrets, isScript, incident});
}

function press(event) {
  const by = {ArrowUp: 1, ArrowDown: -1}[event.key];
  if (by && event.target.matches('input')) { event.preventDefault(); recallOwn(by); }
  if (event.key === 'Escape') $('choices').querySelector('[aria-current="true"]')?.focus();
}

// Keep what is typed for a reload, but no secret.
function saveTyped(command) {
  const secrets = command.arguments.filter((each) => each.secret).map((each) => each.name);
  keepTyped(command.name, Object.fromEntries(Object.entries(typed()).filter(([name]) => !secrets.includes(name))));
}

function drawForm(command) {
  const isScript = known.scripts.includes(command) || known.server.includes(command);
  const rows = [...command.arguments.map(drawArgument), ...(isScript ? [drawArgument(INCIDENT)] : [])];
  if (isScript) rows.at(-1).querySelector('label').textContent = 'Run in incident';
  const {dangerous, deprecated} = command;
  const warnings = [...(dangerous ? ['potentially harmful'] : []), ...(deprecated ? ['deprecated'] : [])];
  const listeners = {
    onkeydown: press,
    oninput() { forgetPlace(); saveTyped(command); },
    onsubmit(event) { event.preventDefault(); submit(command, isScript); },
  };
  return el('form', {noValidate: true, ...listeners}, ...rows, el('div', {class: 'acts'},
    el('button', {class: 'main runs-it', id: 'run', disabled: isRunning()}, 'Run'),
    ...warnings.map((text) => el('span', {class: 'warn'}, text))));
}

function drawCommand(name) {
  const command = find(name);
  const back = button('‹ Back', () => go('commands'), {class: 'quiet back'});
  if (command) return [back, el('h2', {}, el('code', {}, name)), el('p', {class: 'dim'}, command.description), drawForm(command)];
  return name ? [back, el('p', {}, `Neither the instance nor its pack has ${name}.`)]
    : [el('p', {class: 'dim'}, 'Choose a command, or press Test to try the parameters of the instance.')];
}

let drawn = '';  // the command whose form is drawn

// Draw the list and, unless it is drawn already, the form.
function draw(name, args) {
  setChosen(name);
  const signature = JSON.stringify([name, find(name)]);
  if (drawn !== signature) {
    drawn = signature;
    $('command').replaceChildren(...drawCommand(name));
    fillForm(args);
  }
  drawChoices();
  drawActs();
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

// Return what is in the form of a command, or is to be in it.
const argumentsOf = (name) => (name === chosen && inputs().length ? typed() : keptTyped(name));

// Show the form of a command, as it is if it is shown already.
export function openCommand(encoded) {
  const name = decode(encoded);
  const first = lists().flatMap(([, some]) => some)[0];
  if (!name && first && WIDE.matches) return step(address(first.name));
  $('view-commands').classList.toggle('opened', Boolean(name));
  if (name !== chosen) leaveRun(name);
  draw(name, argumentsOf(name));
  drawLog();
  focusFormIfWanted();
  refresh();
}

// The pack, or what the instance keeps, may have changed.
export async function refresh() {
  if (!instance.instance) return;
  const asked = instance.instance;
  const [listed, kept] = await Promise.all([ask('GET', 'commands'), ask('GET', own('commands/kept'))]).catch(() => [null, null]);
  if (!listed || asked !== instance.instance) return;
  drawKept(kept);
  if (JSON.stringify(listed) === JSON.stringify(known)) return;
  setCommands(listed);
  draw(chosen, argumentsOf(chosen));
}
