// The field of the search: what is typed is searched for in the view that is shown.
import {view} from './address.js';
import {drawChoices} from './commands.js';
import {filterLists, searchBodies} from './filters.js';
import {drawLog} from './log.js';
import {afterLast} from './pace.js';
import {drawTry} from './try.js';

const TYPING_MS = 150;
const DRAW = {try: drawTry, log: drawLog, commands: drawChoices};  // views without a list

export function search() {
  DRAW[view]?.();
  searchBodies(0);
  filterLists();
}

export const searchSoon = afterLast(search, TYPING_MS);
