// The views, and which of them is shown.
import {chosen, openedName, readAddress, view} from './address.js';
import {showInstance} from './choice.js';
import {openCommand} from './commands.js';
import {deliveries} from './deliveries.js';
import {closeDetail, openDelivery} from './delivery.js';
import {$} from './dom.js';
import {showChosen} from './filters.js';
import {openIncident} from './incident.js';
import {incidents} from './incidents.js';
import {refreshInstance} from './instance.js';
import {openLane} from './lane.js';
import {areLanesShown, laneOf, lanes} from './lanes.js';
import {drawLog} from './log.js';
import {closeNaming} from './naming.js';
import {hasPorts, instance} from './state.js';
import {refreshTry} from './try.js';

const TITLES = {deliveries: 'Deliveries', incidents: 'Incidents', try: 'Try it', commands: 'Commands', instance: 'Instance', log: 'Log'};

// Return the view that the page opens with. Until it has asked whether any instance has a port, its own file says so.
const home = () => ({true: 'deliveries', false: 'commands'}[hasPorts()] || document.documentElement.dataset.home);

export function route() {
  readAddress(Object.keys(TITLES), home());
  const other = chosen('instance');
  if (other && instance.instance && other !== instance.instance) showInstance(other, route);
  showChosen();
  if (!chosen('words')) closeNaming();
  $('pause').hidden = ['try', 'instance'].includes(view) && $('pause').getAttribute('aria-pressed') === 'false';
  for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== `view-${view}`;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === `#/${view}`) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({block: 'nearest', inline: 'nearest'});
    } else link.removeAttribute('aria-current');
  }
  document.title = [TITLES[view], instance.instance || 'Local XSOAR'].filter(Boolean).join(' · ');
  if (view === 'deliveries' || view === 'incidents') {
    const id = chosen('open');
    const [list, key] = view === 'deliveries' ? [deliveries, Number(id)] : areLanesShown() ? [lanes, laneOf(id.startsWith('lane-') ? id : `lane-${id}`)?.key] : [incidents, id];
    if (id) {
      list.select(key);
      (view === 'deliveries' ? openDelivery : id.startsWith('lane-') ? openLane : openIncident)(id);
    } else { closeDetail(); list.plan(); }
  }
  if (view === 'try') refreshTry();
  if (view === 'commands') openCommand(openedName());
  if (view === 'instance' && instance.fields) refreshInstance();
  if (view === 'log') drawLog();
}
