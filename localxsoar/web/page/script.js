// The page of the local XSOAR: its controls. Whatever comes from senders is shown as text, never as markup.
import {choose, startAddress} from './address.js';
import {startChoice} from './choice.js';
import {$, copy} from './dom.js';
import {startFilters, toggleOpen} from './filters.js';
import {startHits} from './hits.js';
import {sortIncidents} from './incidents.js';
import {address} from './instance.js';
import {chooseWay, startKeys} from './keys.js';
import {listen, pause} from './live.js';
import {drawLog} from './log.js';
import {startMore} from './more.js';
import {searchSoon} from './search.js';
import {chooseView, route} from './views.js';

$('copy-address').addEventListener('click', (event) => copy(address(), event.target));
$('keys').addEventListener('click', () => $('help').showModal());
$('search').addEventListener('input', () => { choose({q: $('search').value}); searchSoon(); });
$('search').addEventListener('change', searchSoon.now);
$('level').addEventListener('change', () => { choose({level: $('level').value}); drawLog(); });
$('sort').addEventListener('change', () => { choose({sort: $('sort').value}); sortIncidents(); });
$('open-only').addEventListener('click', toggleOpen);
$('as-list').addEventListener('click', () => chooseWay(false));
$('as-lanes').addEventListener('click', () => chooseWay(true));
$('pause').addEventListener('click', pause);
if (matchMedia('(hover: none)').matches) $('search').placeholder = 'Search';  // without a keyboard
startFilters();
startHits();
startMore();
startChoice();
startAddress(route);
startKeys();
chooseView();  // what is in it is drawn once, when it is loaded
listen();
