// The buttons that send a delivery again, as it came or with a valid proof.
import {go} from './address.js';
import {$, announce, button, el} from './dom.js';
import {opened} from './opened.js';
import {ask} from './server.js';

const WAYS = {came: {}, proved: {proof: true}};
const SLOW_MS = 300;
const sending = new Map();  // how each delivery is being sent again, by number

// Return the buttons, disabled while one of them waits, and why one cannot be used.
export function resendButtons(item, drawOpened) {
  const isRejected = item.checks.length > 0;
  const waits = sending.get(item.number);
  const options = {disabled: Boolean(waits || item.missing), title: item.missing};
  const make = (way, label, isMain = false) => button(waits?.way === way && waits.isSlow ? 'Sending…' : label,
    () => resend(way, drawOpened), {id: `send-${way}`, class: isMain ? 'main' : '', ...options});
  const proved = !item.unprovable && make('proved', isRejected ? 'Repair and send' : 'Send again with a valid proof', isRejected);
  return {came: make('came', 'Send again as it came'), proved, reason: item.missing || (isRejected ? item.unprovable : '')};
}

// `drawOpened` draws the delivery that is open.
export async function resend(way, drawOpened) {
  const item = opened;
  if (!item || item.missing || sending.has(item.number)) return;
  const redraw = () => { if (opened && opened.number === item.number && $('send-came')) drawOpened(); };
  const waits = {way, isSlow: false};
  sending.set(item.number, waits);
  redraw();
  const slow = setTimeout(() => { waits.isSlow = true; announce('Sending…'); redraw(); }, SLOW_MS);
  let failure = '';
  try {
    const {number} = await ask('POST', `deliveries/${item.number}/send`, WAYS[way]);
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
