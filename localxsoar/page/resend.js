// The buttons that send a delivery again, as it came or with a valid proof.
import {drawOpened, opened} from './delivery.js';
import {$, announce, button, el} from './dom.js';
import {ask} from './server.js';
import {go} from './views.js';

const WAYS = {came: ['As it came', {}], proved: ['With a valid proof', {proof: true}]};
const SLOW_MS = 300;
const sending = new Map();  // how each delivery is being sent again, by number

// Return the two buttons, disabled while one of them waits, and why they cannot be used.
export function resendButtons(item) {
  const reasons = {came: item.missing, proved: item.missing || item.unprovable};
  const waits = sending.get(item.number);
  return [
    ...Object.entries(WAYS).map(([way, [label]]) => button(waits && waits.way === way && waits.isSlow ? 'Sending…' : label, () => resend(way),
      {id: `send-${way}`, class: way === 'came' ? 'main' : '', disabled: Boolean(waits || reasons[way]), title: reasons[way]})),
    ...[...new Set(Object.values(reasons))].filter(Boolean).map((reason) => el('span', {class: 'dim reason'}, reason)),
  ];
}

export async function resend(way) {
  const item = opened;
  if (!item || sending.has(item.number) || $(`send-${way}`)?.disabled) return;
  const redraw = () => { if (opened && opened.number === item.number && $('send-came')) drawOpened(); };
  const waits = {way, isSlow: false};
  sending.set(item.number, waits);
  redraw();
  const slow = setTimeout(() => { waits.isSlow = true; announce('Sending…'); redraw(); }, SLOW_MS);
  let failure = '';
  try {
    const {number} = await ask('POST', `deliveries/${item.number}/send`, WAYS[way][1]);
    if (opened && opened.number === item.number) go(`deliveries/${number}`);
  } catch (error) { failure = error.message; }
  clearTimeout(slow);
  sending.delete(item.number);
  redraw();
  if (failure) showFailure(failure);
}

export function showFailure(text) {
  const result = $('delivery').querySelector('.result');
  if (result) result.replaceWith(el('p', {class: 'result bad', role: 'alert'}, text));
}
