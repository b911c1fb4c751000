// As much of a browser's document as the modules of the page need, so that Node.js can test them without a browser.

class Element {
  constructor(tag) {
    Object.assign(this, {tag, attributes: {}, childNodes: [], listeners: {}, dataset: {}, style: {}, parent: null, value: ''});
  }

  get id() { return this.attributes.id ?? ''; }
  set id(value) { this.attributes.id = value; }
  set className(value) { this.attributes.class = value; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  getAttribute(name) { return this.attributes[name] ?? null; }
  removeAttribute(name) { delete this.attributes[name]; }

  get parentElement() { return this.parent; }
  get isConnected() { return Boolean(this.isRoot || this.parent?.isConnected); }
  get children() { return this.childNodes.filter((each) => each instanceof Element); }
  get options() { return this.children; }
  get childElementCount() { return this.children.length; }
  get firstChild() { return this.childNodes[0] ?? null; }
  get lastChild() { return this.childNodes.at(-1); }
  get nextSibling() { return this.parent.childNodes[this.parent.childNodes.indexOf(this) + 1] ?? null; }
  get textContent() { return this.childNodes.map((each) => each.textContent ?? each).join(''); }
  set textContent(text) { this.replaceChildren(String(text)); }

  append(...nodes) {
    for (const node of nodes) {
      if (node instanceof Element) { node.remove(); node.parent = this; }
      this.childNodes.push(node instanceof Element ? node : String(node));
    }
  }

  prepend(...nodes) { this.replaceChildren(...nodes, ...this.childNodes); }

  insertBefore(node, next) {
    const at = next ? this.childNodes.indexOf(next) : this.childNodes.length;
    this.append(node, ...this.childNodes.splice(at));
  }

  replaceChildren(...nodes) {
    for (const child of this.children) child.detach();
    this.childNodes = [];
    this.append(...nodes);
  }

  after(...nodes) {
    const {parent} = this;
    if (!parent) return;
    const at = parent.childNodes.indexOf(this) + 1;
    const rest = parent.childNodes.splice(at);
    parent.append(...nodes, ...rest);
  }

  replaceWith(...nodes) {
    this.after(...nodes);
    this.remove();
  }

  remove() {
    if (this.parent) this.parent.childNodes = this.parent.childNodes.filter((each) => each !== this);
    this.detach();
  }

  // What is no longer in the document or is disabled loses the focus to the body.
  detach() {
    if (this.contains(document.activeElement)) document.activeElement = document.body;
    this.parent = null;
  }

  addEventListener(name, handle) { (this.listeners[name] ??= []).push(handle); }
  send(name, event = {}) { for (const handle of this.listeners[name] ?? []) handle({target: this, ...event}); }
  click() { this.send('click'); }

  // Find elements by their tag, a class, their id or an attribute, such as `summary`, `form.edit`, `#close` or `[tabindex="0"]`.
  all(wanted) {
    return this.children.flatMap((each) => [...(each.is(wanted) ? [each] : []), ...each.all(wanted)]);
  }
  is(wanted) {
    const [, tag, mark, name, value] = /^([\w-]*)(?:([.#[])([\w-]+)(?:="(.*)")?\]?)?$/.exec(wanted) ?? ['', 'no such tag'];
    if (tag && this.tag !== tag) return false;
    if (mark === '.') return (this.attributes.class ?? '').split(' ').includes(name);
    const own = mark ? String(this[name] || (this.attributes[name] ?? '')) : '';
    return mark === '#' ? this.attributes.id === name : !mark || (value === undefined ? own !== '' : own === value);
  }
  matches(wanted) { return wanted.split(', ').some((each) => this.is(each)); }
  querySelectorAll(wanted) { return wanted.split(', ').flatMap((each) => this.all(each)); }
  querySelector(wanted) { return this.querySelectorAll(wanted)[0] ?? null; }
  closest(wanted) { return this.matches(wanted) ? this : this.parent?.closest(wanted) ?? null; }
  contains(one) { return this === one || Boolean(one?.parent && this.contains(one.parent)); }
  get classList() {
    const put = (name, isWanted) => {
      const names = (this.attributes.class ?? '').split(' ').filter((each) => each && each !== name);
      this.attributes.class = [...names, ...(isWanted ? [name] : [])].join(' ');
    };
    return {add: (name) => put(name, true), remove: (name) => put(name, false), toggle: put};
  }
  get disabled() { return ['', 'true'].includes(this.attributes.disabled); }
  set disabled(isOff) {
    this.attributes.disabled = String(isOff);
    if (isOff && document.activeElement === this) document.activeElement = document.body;
  }
  focus() { if (!this.disabled) document.activeElement = this; }
  checkVisibility() { return !this.hidden; }
  scrollIntoView() {}
  select() { this.focus(); }
  getBoundingClientRect() { return {top: 0, bottom: 0}; }
  toggleAttribute(name, isWanted) { if (isWanted) this.attributes[name] = ''; else delete this.attributes[name]; }

  get html() {
    const attributes = Object.entries(this.attributes).map(([name, value]) => ` ${name}="${value}"`).join('');
    const content = this.childNodes.map((each) => each.html ?? each.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')).join('');
    return `<${this.tag}${attributes}>${['br', 'hr'].includes(this.tag) ? '' : `${content}</${this.tag}>`}`;
  }
}

// Build a document. An element that is asked for by its id is made when it is first asked for.
function build() {
  const named = new Map();
  const getElementById = (id) => {
    if (!named.has(id)) named.set(id, Object.assign(new Element(id), {isRoot: true}));
    return named.get(id);
  };
  const body = Object.assign(new Element('body'), {isRoot: true});
  return {body, activeElement: body, getElementById, createElement: (tag) => new Element(tag), querySelector: (wanted) => body.querySelector(wanted), querySelectorAll: (wanted) => body.querySelectorAll(wanted),
          addEventListener: (name, act) => body.addEventListener(name, act)};
}

// Answer requests: each waits for `reply` with its path. Nothing is drawn, and no time passes, by itself.
export const asked = new Map();
export const requested = [];  // the bodies of the requests that had one
globalThis.fetch = (path, options) => new Promise((done) => {
  if (options?.body) requested.push(JSON.parse(options.body));
  asked.set(decodeURIComponent(path), (body) => done({ok: !body?.error, text: async () => JSON.stringify(body)}));
});
export async function reply(path, body) {
  asked.get(path)(body);
  asked.delete(path);
  await new Promise(setImmediate);
}
globalThis.CSS = {escape: String};
globalThis.innerHeight = 720;
globalThis.requestAnimationFrame = () => {};
globalThis.ResizeObserver = class { observe() {} };
const timers = [];
globalThis.setTimeout = (act) => timers.push(act);
globalThis.clearTimeout = (number) => { delete timers[number - 1]; };
export const passTime = () => { for (const act of timers.splice(0)) act?.(); };

globalThis.document = build();
globalThis.history = {state: null, replaceState(state, title, hash) { this.state = state; location.hash = hash; }};
globalThis.location = {origin: 'http://127.0.0.1:8080', hash: ''};
