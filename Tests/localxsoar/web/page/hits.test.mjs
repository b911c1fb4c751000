// Hits of a search in a detail that was just opened: when it scrolls, and to which of them.
import assert from 'node:assert/strict';
import test from 'node:test';
import './document.mjs';

globalThis.NodeFilter = {};
globalThis.Range = class {
  setStart(node) { this.startContainer = node; }
  setEnd() {}
  getBoundingClientRect() { return this.startContainer; }
};
const {revealHit} = await import('../../../../localxsoar/web/page/hits.js');

for (const [why, nodes, scrolled] of [
  ['one is seen', [['a hit', -20, -10], ['hit', 0, 100]], ''], ['none is seen', [['x', -20, -10], ['HIT 1', -20, -10], ['hit 2', 120, 130]], 'HIT 1'], ['all are below', [['hit 1', 95, 105], ['hit 2', 300, 310]], 'hit 1'],
  ['the first is folded', [['hit 1', 0, 0], ['hit 2', 120, 130]], 'hit 2'], ['there is none', [['x', 120, 130]], ''], ['small letters take more room', [['İ hit', 120, 130]], ''],
]) {
  test(`if ${why}, the detail scrolls to ${scrolled || 'none'}`, () => {
    const reached = [];
    const texts = nodes.map(([data, top, bottom]) => ({data, top, bottom, parentElement: {scrollIntoView: () => reached.push(data)}}));
    document.createTreeWalker = () => ({currentNode: null, nextNode() { return Boolean(this.currentNode = texts.shift()); }});
    document.getElementById('search').value = 'hit';
    const detail = {scrollTop: 50, getBoundingClientRect: () => ({top: 0, bottom: 100})};
    revealHit(detail);
    assert.deepEqual([detail.scrollTop, reached.join()], [0, scrolled]);
  });
}
