// How severe an incident is, and its state, in words.
import {el} from './dom.js';

export const SEVERITIES = {0.5: 'info', 1: 'low', 2: 'medium', 3: 'high', 4: 'critical'};
const STATUSES = ['pending', 'active', 'closed', 'archived'];
const OVER = ['ended', 'resolved', 'closed', 'archived'];

const ends = new Map();  // by problem, the number of the latest incident that reports its end

// Return what the incidents of one problem share, or '': two instances may give the same key to different problems.
export function problem({sourceInstance, dbotMirrorId}) {
  return dbotMirrorId ? `${sourceInstance.length} ${sourceInstance} ${dbotMirrorId}` : '';
}

// Return the number of a later incident that reports the end of the problem, or 0.
function endOf(item) {
  const end = ends.get(problem(item)) || 0;
  return end > Number(item.id) ? end : 0;
}

// Note whether an incident reports the end of its problem. Return whether the state of earlier incidents has changed.
export function noteEnd(item) {
  if (item.state !== 'resolved' || !problem(item) || endOf(item)) return false;
  ends.set(problem(item), Number(item.id));
  return true;
}

export const severity = (item) => SEVERITIES[item.severity] || 'unknown';
export const state = (item) => (item.state !== 'resolved' && endOf(item) ? 'ended' : item.state || STATUSES[item.status] || '');
export const isOpen = (item) => !OVER.includes(state(item)) && !OVER.includes(STATUSES[item.status]);
export const drawSeverity = (item) => el('span', {class: `severity ${severity(item)}`}, severity(item));

export function drawState(item) {
  const word = state(item);
  return el('bdi', {class: `state-word ${item.state || word === 'ended' ? 'good' : 'dim'}`,
    ...(word === 'ended' ? {title: `Incident ${endOf(item)} reports the end of its problem.`} : {})}, word);
}
