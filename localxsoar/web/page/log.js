// The log of the container.
import {view} from './address.js';
import {$, el} from './dom.js';
import {instance} from './state.js';

const KEPT_LINES = 2000;
const OWN_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})\d*Z /;

const LEVELS = {'': ['debug', 'info', 'error', 'print'], info: ['info', 'error', 'print'], error: ['error']};
const BOXES = {log: 'log', commands: 'command-log'};  // where a view shows the log
let lines = [];
let toDraw = [];

export function setLines(logged) { lines = logged; }

// Draw a line with one time: the one that the script wrote, if any, because lines of several calls may arrive together.
export function drawLine({time, level, text}) {
  const [whole, own, decimals] = text.match(OWN_TIME) || [''];
  const shown = own ? `${new Date(`${own}Z`).toTimeString().slice(0, 8)}.${decimals}` : time;
  return el('div', {class: level === 'error' ? 'bad' : ''}, el('span', {class: 'time', title: whole.trim()}, shown),
    ` ${level.padEnd(5)} ${text.slice(whole.length)}`);
}

// The view of commands shows all lines: its search is for commands.
function isWanted(line) {
  return view === 'commands' || (LEVELS[$('level').value].includes(line.level)
    && line.text.toLowerCase().includes($('search').value.toLowerCase()));
}

// Say why no line is shown, if none is.
function describe(box) { box.dataset.none = lines.length ? `0 of ${lines.length} lines match.` : 'No lines yet.'; }

export function drawLog() {
  const box = $(BOXES[view]);
  box.replaceChildren(...lines.filter(isWanted).map(drawLine));
  describe(box);
  box.scrollTop = box.scrollHeight;
}

// Add a line if it is of the chosen instance, or of a script, which has none.
export function addLine(line) {
  if (line.instance && line.instance !== instance.instance) return;
  lines.push(line);
  if (lines.length > KEPT_LINES) lines.shift();
  if (!BOXES[view]) return;
  describe($(BOXES[view]));
  if (!isWanted(line)) return;
  if (!toDraw.length) {
    requestAnimationFrame(() => {
      const box = $(BOXES[view] || 'log');
      const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      box.append(...toDraw.map(drawLine));
      toDraw = [];
      while (box.childElementCount > KEPT_LINES) box.firstChild.remove();
      if (follows) box.scrollTop = box.scrollHeight;
    });
  }
  toDraw.push(line);
  if (toDraw.length > KEPT_LINES) toDraw.shift();
}
