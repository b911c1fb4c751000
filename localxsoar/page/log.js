// The log of the container.
import {$, el} from './dom.js';
import {view} from './views.js';

const KEPT_LINES = 2000;

const LEVELS = {'': ['debug', 'info', 'error', 'print'], info: ['info', 'error', 'print'], error: ['error']};
let lines = [];
let toDraw = [];

export function setLines(logged) { lines = logged; }

function drawLine(line) {
  return el('div', {class: line.level === 'error' ? 'bad' : ''}, el('span', {class: 'time'}, line.time), ` ${line.level.padEnd(5)} ${line.text}`);
}

function isWanted(line) {
  return LEVELS[$('level').value].includes(line.level) && line.text.toLowerCase().includes($('search').value.toLowerCase());
}

export function drawLog() {
  $('log').replaceChildren(...lines.filter(isWanted).map(drawLine));
  $('log').scrollTop = $('log').scrollHeight;
}

export function addLine(line) {
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
