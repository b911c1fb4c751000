// Where the page is, which its address says: the view and, as parameters, all that a person chose in it.
//
// `#/deliveries?q=became:rejected+db-7&open=2382&tab=incident` is exact. An address without parameters, such as `#/deliveries` or
// `#/deliveries/2382`, keeps what was chosen in that view before, and becomes exact as soon as it is read.
import {instance, isOneOfSeveral} from './state.js';

const LISTS = ['deliveries', 'incidents'];
const ORDER = ['q', 'as', 'sort', 'level', 'open', 'tab', 'with', 'words', 'instance'];
const IN_DETAIL = ['open', 'tab', 'with', 'words'];  // parameters that have a meaning only while something is open

export let view = '';  // the name of the view that is shown
let name = '';  // the command whose form is open
let values = new URLSearchParams();
const remembered = {};  // by view, what was chosen there last
let show = () => {};  // draws what the address says
let read = '';  // the address that was read or written last

export function startAddress(route) {
  show = route;
  window.addEventListener('hashchange', () => { if (location.hash !== read) route(); });
}

export const chosen = (parameter) => values.get(parameter) || '';
export const openedName = () => name;
export const isOpened = (list, key) => view === list && chosen('open') === String(key);

function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const [first, ...rest] = path.split('/');
  return {first, rest: rest.join('/'), given: query === undefined ? null : new URLSearchParams(query)};
}

// Return what an address says with what was chosen in its view before, unless it is exact.
function complete({first, rest, given}, isExact) {
  const found = given || new URLSearchParams(isExact ? '' : remembered[first]);
  if (!given) for (const key of ['open', 'with', 'words']) found.delete(key);
  if (LISTS.includes(first) && rest) found.set('open', rest);
  if (isOneOfSeveral() && !found.get('instance')) found.set('instance', instance.instance);
  return found;
}

function write(shownView, shownName, found) {
  const shown = ORDER.filter((key) => found.get(key) && (found.get('open') || !IN_DETAIL.includes(key)));
  const written = String(new URLSearchParams(shown.map((key) => [key, found.get(key)])));
  const query = written.replaceAll('%3A', ':').replaceAll('%2C', ',');
  return `#/${shownView}${shownView === 'commands' && shownName ? `/${shownName}` : ''}${query ? `?${query}` : ''}`;
}

// Read the address, and make it exact. `views` are all there are, and `home` is the one of an empty address.
export function readAddress(views, home) {
  const parsed = parse(location.hash);
  view = views.includes(parsed.first) ? parsed.first : home;
  name = view === 'commands' ? parsed.rest : '';
  values = complete({...parsed, first: view}, history.state?.isExact);
  keep();
  if (view && location.hash) history.replaceState({isExact: true}, '', write(view, name, values));
  read = location.hash;
}

function keep() {
  remembered[view] = new URLSearchParams(values);
  remembered[view].delete('instance');  // it is the same in all views
}

// Go where an address leads, such as `deliveries/7`. It is shown at once: the next key may be pressed for what is there.
export function go(to) {
  const parsed = parse(`#/${to}`);
  location.hash = write(parsed.first, parsed.rest, complete(parsed));
  if (location.hash !== read) show();
}

// The same, in place of what is shown now: Back leads to what was before that.
export function step(to) {
  history.replaceState(null, '', `#/${to}`);
  show();
}

// Note what a person chose in the view that is shown: texts by the names of parameters, '' for the usual.
export function choose(some) {
  for (const [key, value] of Object.entries(some)) if (value) values.set(key, value); else values.delete(key);
  keep();
  history.replaceState({isExact: true}, '', write(view, name, values));
  read = location.hash;
}

// Show another instance of the server.
export function goToInstance(other) {
  values.set('instance', other);
  location.hash = write(view, name, values);
}
