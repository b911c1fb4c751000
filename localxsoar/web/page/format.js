// Times and sizes, short.
import {el} from './dom.js';

export const time = (seconds) => new Date(seconds * 1000);
const two = (number) => String(number).padStart(2, '0');

export function clock(date) {
  return el('span', {class: 'time', title: date.toISOString()}, `${two(date.getHours())}:${two(date.getMinutes())}`,
    el('span', {class: 'seconds'}, `:${two(date.getSeconds())}`));
}

export function day(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `
    + `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const NUMBERS = new Intl.NumberFormat('en');  // to make one takes long
export const thousands = (number) => NUMBERS.format(number);

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

export function duration(ms) {
  if (ms < 1) return '<1 ms';
  return ms < 10000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(0)} s`;
}

// Return a time between two events, such as `40 ms`, `5 s` or `2 h 10 min`.
export function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  const [minutes, hours] = [60, 3600].map((unit) => Math.floor(seconds / unit));
  const parts = [['d', Math.floor(hours / 24)], ['h', hours % 24], ['min', minutes % 60], ['s', seconds % 60]];
  const first = parts.findIndex(([, count]) => count);
  return parts.slice(first, first + 2).filter(([, count]) => count).map(([unit, count]) => `${count} ${unit}`).join(' ');
}
