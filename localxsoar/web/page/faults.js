// The faults of the server, which a person switches on and off to see what a sender does then.
import {announce, button, el} from './dom.js';
import {ask} from './server.js';

const isOn = ({value, off}) => String(value) !== String(off);

// Return the control of a fault, as its value is a switch, one of several texts, a number or a text.
function drawControl({name, value, options}, change) {
  const common = {id: `fault-${name}`, 'aria-describedby': `fault-${name}-help`};
  if (typeof value === 'boolean') {
    return el('input', {...common, type: 'checkbox', checked: value, onchange: ({target}) => change(target.checked)});
  }
  const onchange = ({target}) => change(target.value || (typeof value === 'number' ? 0 : ''));
  if (options.length) {
    const drawn = options.map((each) => el('option', {value: each, selected: each === value}, each));
    return el('select', {...common, onchange}, ...drawn);
  }
  const isNumber = typeof value === 'number';
  return el('input', {...common, type: 'text', inputMode: isNumber ? 'numeric' : 'text', value: String(value || ''), onchange,
    placeholder: isNumber ? '0' : '', spellcheck: false, autocomplete: 'off'});
}

function drawFault(fault, change) {
  const {name, meaning} = fault;
  return el('div', {class: isOn(fault) ? 'fault on' : 'fault'}, el('label', {htmlFor: `fault-${name}`}, el('code', {}, name)),
    drawControl(fault, change), el('p', {class: 'help', id: `fault-${name}-help`}, `${meaning.replaceAll('`', '')}.`));
}

// Return the part of the view, which is filled once the server has said which faults there are.
export function drawFaults() {
  const count = el('span', {class: 'warn'});
  const list = el('div', {});
  const wrong = el('p', {class: 'wrong', role: 'alert'});
  const part = el('details', {id: 'faults'}, el('summary', {}, 'Faults ', count), el('p', {class: 'dim'},
    'What the server does wrong on purpose, until you switch it off. It concerns all senders.'), list, wrong);

  async function change(values) {
    wrong.textContent = '';
    try { await ask('PATCH', 'faults', values); } catch (error) {
      wrong.textContent = error.message;
      return;
    }
    await show();
    announce(count.textContent || 'No fault is on');
  }

  async function show() {
    const faults = await ask('GET', 'faults/known').catch(() => []);
    const on = faults.filter(isOn);
    const focused = document.activeElement.id;
    count.textContent = on.length ? `${on.length} on` : '';
    const allOff = button('Switch all off', () => change(Object.fromEntries(on.map(({name, off}) => [name, off]))),
      {id: 'faults-off', disabled: !on.length});
    list.replaceChildren(...faults.map((fault) => drawFault(fault, (value) => change({[fault.name]: value}))), allOff);
    if (focused.startsWith('fault')) document.getElementById(focused)?.focus();
    if (on.length) part.open = true;
  }

  show();
  return part;
}
