// The language of the search: plain words, and terms such as `sender:git status:4xx became:rejected,lost after:2h`.
//
// All of them have to fit, of several values of a term one. A sender has the text in its name, or is the one in quotes, as
// in `sender:"one, two"`.

export const NAMES = ['sender', 'status', 'severity', 'became', 'after'];
const TOKEN = /(?:[a-z]+:(?:"(?:[^"\\]|\\.)*"|[^\s"])+)|\S+/gs;
const VALUE = /"((?:[^"\\]|\\.)*)"|[^,"]+/gs;
const AGE = /^(\d+)([mhd])$/;
const AGE_MS = {m: 60e3, h: 3600e3, d: 86400e3};
const TIME = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/;
const DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?$/;

// Return the moment that a text such as `2h`, `14:30`, `2026-11-30` or `2026-11-30T14:30` means, in the viewer's zone, or NaN.
export function moment(text) {
  const [, count, unit] = AGE.exec(text) || [];
  if (unit) return Date.now() - Number(count) * AGE_MS[unit];
  if (TIME.test(text)) {
    const [hours, minutes, seconds = 0] = text.split(':').map(Number);
    return new Date().setHours(hours, minutes, seconds, 0);
  }
  return DATE.test(text) ? Date.parse(text.length > 10 ? text : `${text}T00:00`) : NaN;
}

function valuesOf(name, text) {
  const given = ['sender', 'after'].includes(name) ? text : text.toLowerCase();
  return [...given.matchAll(VALUE)].map(([whole, quoted]) => (
    quoted === undefined ? {text: whole} : {text: quoted.replace(/\\(.)/gs, '$1'), isExact: true}));
}

// Return the words of a search, in small letters, and its terms, each with its name and values.
export function parse(text) {
  const terms = [];
  const words = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const [, name, rest] = /^([a-z]+):(.+)$/s.exec(token) || [];
    const values = NAMES.includes(name) ? valuesOf(name, rest) : [];
    if (values.length) terms.push({name, values, token}); else words.push(...token.toLowerCase().split(/\s+/));
  }
  return {text, words, terms};
}

const FITS = {
  sender: ({text, isExact}, name) => (isExact ? name === text : name.toLowerCase().includes(text.toLowerCase())),
  after: ({text}, at) => at >= moment(text),  // nothing is after what is no moment
};

// Return whether a term fits a fact of an item: a text for `sender`, a moment for `after`, for others a list of words.
export function fits({name, values}, fact) {
  const fit = FITS[name] || (({text}, words) => words.includes(text));
  return values.some((value) => fit(value, fact));
}

// Return the values of a name, as texts.
export function valuesFor({terms}, name) {
  return terms.filter((term) => term.name === name).flatMap(({values}) => values.map(({text}) => text));
}

const written = (name, value) => (name === 'sender' ? `"${value.replace(/["\\]/g, '\\$&')}"` : value);

// Return the text of a search with other values for a name, which may be none.
export function withValues({text, terms}, name, values) {
  const dropped = terms.filter((term) => term.name === name).map(({token}) => token);
  const kept = text.replace(TOKEN, (token) => (dropped.includes(token) ? '' : token)).trim().replace(/ {2,}/g, ' ');
  return [kept, values.length ? `${name}:${values.map((value) => written(name, value)).join()}` : ''].filter(Boolean).join(' ');
}
