// How severe an incident is, and its state, in words.
import {el} from './dom.js';

export const SEVERITIES = {0.5: 'info', 1: 'low', 2: 'medium', 3: 'high', 4: 'critical'};
const STATUSES = ['pending', 'active', 'closed', 'archived'];

export const severity = (item) => SEVERITIES[item.severity] || 'unknown';
export const state = (item) => item.state || STATUSES[item.status] || '';
export const drawSeverity = (item) => el('span', {class: `severity ${severity(item)}`}, severity(item));
export const drawState = (item) => el('bdi', {class: `state-word ${item.state ? 'good' : 'dim'}`}, state(item));
