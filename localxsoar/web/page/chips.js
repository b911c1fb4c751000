// The chips: each part of the words that are chosen, with the fields that it has.
import {$, announce, button, el} from './dom.js';
import {cut} from './long.js';
import {kindOf, labelOf, panel, partsFor, removePart, setParts} from './picking.js';
import {pathIn, prefixOf, readScale, writeScale} from './words.js';

const MOST_NAME = 60;  // characters of the name that an alarm for silence has

export function drawChips() {
  const chips = [...panel.words.keys()].flatMap((name) => {
    const {prefix, parts} = partsFor(name);
    return parts.map((part, at) => drawChip(name, part, at, prefix));
  });
  const watches = Object.keys(panel.known).filter((name) => kindOf(name) === 'watch' && !panel.words.has(name));
  $('chips').replaceChildren(...(chips.length ? chips : [el('li', {class: 'dim'}, 'Nothing yet.')]),
    ...watches.map((name) => el('li', {}, watchButton(name))));
}

function watchButton(name) {
  const options = {class: 'quiet', id: `add-${name}`, title: panel.known[name].sentence};
  return button(`${labelOf(name)}…`, () => addWatch(name), options);
}

function addWatch(name) {
  setParts(name, '', [`15m:${(panel.item.sender || 'Sender').slice(0, MOST_NAME)}`]);
  announce(`${labelOf(name)}: added`);
  /** @type {HTMLInputElement} */ ($(`every-${name}`)).select();
}

// Return the fields for how often a request has to come, and for the name that the alarm gives to its sender.
function drawWatch(name, text) {
  const [every] = text.split(':');
  const set = () => setParts(name, '', [fields.map(({value}) => value.trim()).join(':')], true);
  const fields = [
    el('input', {value: every, size: 4, maxLength: 6, spellcheck: false, id: `every-${name}`, oninput: set,
      'aria-label': 'A request comes at least every', title: 'A number and m, h or d'}),
    el('input', {value: text.slice(every.length + 1), size: 16, maxLength: MOST_NAME, spellcheck: false, oninput: set,
      'aria-label': 'Name of the sender', title: 'A name that no other sender has'})];
  return el('span', {}, 'every ', fields[0], ' from ', fields[1]);
}

function drawChip(name, part, at, prefix) {
  const [path, rest] = pathIn(kindOf(name), part);
  return el('li', {class: 'chip', title: panel.known[name].sentence}, el('span', {class: 'dim'}, labelOf(name)), ' ',
    kindOf(name) === 'key' && at === 0 ? drawPrefix(name, prefix) : null,
    kindOf(name) === 'watch' ? drawWatch(name, part) : el('code', {}, cut(kindOf(name) === 'severity' ? path : path + rest)),
    kindOf(name) === 'severity' && panel.known[name].scale ? drawScale(name, path, rest) : null,
    button('×', () => removePart(name, at), {class: 'quiet remove', 'aria-label': `Remove ${labelOf(name)} ${cut(part)}`}));
}

function drawPrefix(name, prefix) {
  const field = el('input', {value: prefix, size: Math.max(4, prefix.length), maxLength: 40, spellcheck: false, class: 'prefix',
    'aria-label': 'Prefix of the key, which no other sender has', title: 'A prefix of your choice, which no other sender has'});
  field.addEventListener('input', () => setParts(name, prefixOf(field.value), partsFor(name).parts, true));
  field.addEventListener('change', () => { field.value = prefixOf(field.value); });
  return field;
}

const SCALE_HELP = 'The value that means each severity, or several with | between them; any other tells none. '
  + 'Numbers that rise with the severity mean “at least”. ';

// Return the fields for the values that mean each severity, which are folded while there are none.
function drawScale(name, path, scale) {
  const levels = readScale(scale);
  const set = () => {
    const texts = new Map([...fields].map(([level, field]) => [level, field.value]));
    setParts(name, '', [path + writeScale(texts)], true);
  };
  const input = (level) => el('input', {value: levels.get(level) || '', size: 5, spellcheck: false, id: `scale-${level}`,
    oninput: set});
  const fields = panel.known[name].scale.map((level) => [level, input(level)]);
  const ontoggle = ({target: {open}}) => { panel.isScaleOpen = open; };
  return el('details', {open: levels.size > 0 || panel.isScaleOpen, ontoggle}, el('summary', {}, 'scale'),
    el('p', {class: 'dim'}, SCALE_HELP, el('span', {id: 'values-seen'}, panel.seen)),
    el('div', {class: 'scale'}, ...fields.map(([level, field]) => el('label', {}, level, ' ', field))));
}
