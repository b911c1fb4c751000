// The views, and which of them is shown.
import {deliveries} from './deliveries.js';
import {closeDetail, openDelivery} from './delivery.js';
import {openIncident} from './incident.js';
import {incidents} from './incidents.js';
import {instance, refreshInstance} from './instance.js';
import {drawLog} from './log.js';
import {drawTry} from './try.js';

export let view = '';

export function go(to) { location.hash = `#/${to}`; }

export function route() {
  const [name, id] = location.hash.replace(/^#\//, '').split('/');
  view = ['deliveries', 'incidents', 'try', 'instance', 'log'].includes(name) ? name : 'deliveries';
  for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== `view-${view}`;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#/${view}`) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({block: 'nearest', inline: 'nearest'});
    } else link.removeAttribute('aria-current');
  }
  document.title = `${{deliveries: 'Deliveries', incidents: 'Incidents', try: 'Try it', instance: 'Instance', log: 'Log'}[view]} · ${instance.instance || 'Local XSOAR'}`;
  if (view === 'deliveries' || view === 'incidents') {
    const list = view === 'deliveries' ? deliveries : incidents;
    if (id) {
      list.select(view === 'deliveries' ? Number(id) : id);
      (view === 'deliveries' ? openDelivery : openIncident)(id);
    } else { closeDetail(); list.plan(); }
  }
  if (view === 'try') drawTry();
  if (view === 'instance' && instance.fields) refreshInstance();
  if (view === 'log') drawLog();
}
