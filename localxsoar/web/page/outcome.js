// What the words that are chosen in the panel make of the sender's deliveries.
import {deliveries} from './deliveries.js';
import {$} from './dom.js';
import {kindOf, panel, partsFor, target} from './picking.js';
import {askPreview, drawOne, drawPreview, hasNoSeverity, valuesSeen} from './preview.js';
import {follow, pathIn} from './words.js';

const PREVIEWED = 20;
const SLOW_MS = 300;
const GATHERING_MS = 500;

// Draw what stands above the tree, and keep in its place what a value offers: the next click is meant for it.
export function still(draw) {
  const place = () => panel.offers?.getBoundingClientRect().top || 0;
  const before = place();
  draw();
  const moved = place() - before;
  if (moved) $('delivery').scrollTop += moved;
}

// Return the latest deliveries of the same sender to the same instance, this one first.
function alike({number, sender, target: own}) {
  const path = own.split('?')[0];
  const hasEvents = ({method, kind}) => method !== 'GET' && !['waiting', 'handshake'].includes(kind);
  const isAlike = (each) => each.sender === sender && each.target.split('?')[0] === path && hasEvents(each);
  const others = deliveries.all.filter((each) => each.number !== number && isAlike(each));
  return [number, ...others.slice(0, PREVIEWED - 1).map((each) => each.number)];
}

// Return the paths of the chosen values with their keys, but not those of conditions: an event that lacks one has not ended.
function chosenPaths() {
  const [each] = [...panel.words].filter(([name]) => kindOf(name) === 'path').map(([, text]) => text);
  let event = panel.root.isArray ? panel.root.entries[0]?.[1] : panel.root;
  if (each) event = follow(event, each)?.value?.entries?.[0]?.[1];
  const reached = (text) => (event?.entries ? follow(event, text) : null);
  // A severity without a scale may be a word for all events, such as `high`.
  const isPath = ({kind, part}) => kind !== 'severity' || pathIn('severity', part)[1] || reached(part);
  const parts = [...panel.words.keys()].flatMap((name) => partsFor(name).parts.map((part) => ({kind: kindOf(name), part})));
  const texts = parts.filter(({kind}) => ['part', 'parts', 'severity', 'key'].includes(kind)).filter(isPath)
    .map(({kind, part}) => pathIn(kind, part)[0]).filter((text) => !/^[@']|\|/.test(text));
  return [...new Set(texts)].map((text) => [text, reached(text)?.keys || text.split('.')]);
}

export function refresh() {
  const own = panel;
  const paths = chosenPaths();
  const started = new Map(deliveries.all.map((each) => [each.number, each.started]));
  const withTime = [...panel.words.keys()].some((name) => kindOf(name) === 'part');
  const [, severity] = [...panel.words].find(([name]) => kindOf(name) === 'severity') || [];
  const scaled = severity ? paths.findIndex(([path]) => path === pathIn('severity', severity)[0]) : undefined;
  const slow = setTimeout(() => {
    if (panel === own && !$('preview').childElementCount) $('preview').textContent = 'A second container starts…';
  }, SLOW_MS);
  askPreview({numbers: alike(panel.item), target: target(), paths: paths.map(([, keys]) => keys)}, (rows) => {
    clearTimeout(slow);
    if (panel !== own) return;
    $('preview').replaceChildren(...drawPreview(rows, paths.map(([text]) => text), (number) => started.get(number), withTime));
    still(() => $('becomes').replaceChildren(...drawOne(rows, panel.item.number, withTime)));
    panel.seen = valuesSeen(rows, scaled);
    if ($('values-seen')) $('values-seen').textContent = panel.seen;
    if (panel.seen && !panel.hasAskedForScale && hasNoSeverity(rows)) askForScale();
  });
}

// Open the scale, once, for a severity whose words or numbers mean nothing without one.
function askForScale() {
  panel.hasAskedForScale = true;
  const scale = $('chips').querySelector('details');
  if (scale) scale.open = true;
}

// Take note of a delivery that has ended: it may be of this sender. Without one, the whole list has changed.
let gathering = null;
export function noteForPreview(delivery) {
  if (!panel || gathering || (delivery && (delivery.kind === 'waiting' || delivery.sender !== panel.item.sender))) return;
  gathering = setTimeout(() => {
    gathering = null;
    if (panel) refresh();
  }, GATHERING_MS);
}
