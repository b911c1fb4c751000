// Marks of what was searched for, where it is seen. They are painted over the text and change no element.
import {view} from './address.js';
import {$} from './dom.js';
import {wantedQuery} from './lines.js';

const MOST_MARKS = 2000;  // in one view
const LONGEST_TEXT = 200000;  // characters of one element that are looked through

let planned = false;

// Return the texts that the search of the view looks for: its words or, in the log, all of it.
function wanted() {
  return view === 'log' ? [$('search').value.trim().toLowerCase()].filter(Boolean) : wantedQuery().words;
}

// Yield where the texts are in an element.
function* rangesIn(root, texts) {
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const node = /** @type {Text} */ (nodes.currentNode);
    const content = node.data.slice(0, LONGEST_TEXT).toLowerCase();
    if (content.length > node.data.length) continue;  // small letters of some scripts take more room
    for (const text of texts) {
      for (let at = content.indexOf(text); at >= 0; at = content.indexOf(text, at + text.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + text.length);
        yield range;
      }
    }
  }
}

function markHits() {
  planned = false;
  CSS.highlights.delete('hits');
  const texts = wanted();
  const root = document.querySelector('main > section:not([hidden])');
  if (!texts.length || !root) return;
  const hits = new Highlight();
  for (const range of rangesIn(root, texts)) if (hits.add(range).size >= MOST_MARKS) break;
  CSS.highlights.set('hits', hits);
}

// Scroll a detail that was just opened to its beginning or, if no hit is seen there, to the first one.
export function revealHit(detail) {
  detail.scrollTop = 0;
  const texts = wanted();
  if (!texts.length) return;
  const box = detail.getBoundingClientRect();
  let first = null;
  for (const range of rangesIn(detail, texts)) {
    const {top, bottom} = range.getBoundingClientRect();
    if (top === bottom) continue;  // it is folded
    if (top >= box.top && bottom <= box.bottom) return;
    first ||= range;
    if (bottom > box.bottom) break;  // and so are all others
  }
  first?.startContainer.parentElement.scrollIntoView({block: 'nearest'});
}

function plan() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(markHits);
}

// Mark hits whenever other texts are searched for or drawn.
export function startHits() {
  if (!('highlights' in CSS)) return;  // an older browser
  $('search').addEventListener('input', plan);
  new MutationObserver(() => { if ($('search').value || CSS.highlights.size) plan(); })
    .observe($('main'), {subtree: true, childList: true, attributes: true, attributeFilter: ['hidden']});
}
