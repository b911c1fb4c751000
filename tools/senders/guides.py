"""Writes what readers see of the senders: their guides, the table of senders, and the lists in other documents."""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tools.senders.folders import Folder
from tools.senders.tables import NONE

GENERATED = '<!-- Written by ./dev senders from {}: change the files there. -->\n'
OWN_SECRET = 'own-secret'
PAGES = {OWN_SECRET: ('Senders that make their own secret', 'Each of these makes its secret itself, and you copy it into '
                      '[the tokens of the shared instance](README.md#how-many-instances).')}
# Those whose guide had a file of its own in 1.0.0, to which people may still have links.
ONCE_FILES = {'dropbox', 'linear', 'meta', 'microsoft-teams', 'shopify', 'slack', 'standard-webhooks', 'stripe', 'zoom'}
WAYS = {'authorization': 'Authorization', 'header': 'own header', 'url': 'URL', 'signature': 'signature'}
KINDS = {'siem': 'SIEM and XDR', 'cloud': 'Cloud', 'identity': 'Identity', 'edr': 'Endpoint', 'code': 'Code',
         'monitoring': 'Monitoring', 'chat': 'Chat', 'tickets': 'Tickets', 'other': 'Other', 'format': 'Formats'}
TRIED = {'product': 'Tried with the product.', 'program': 'Tried with its program.', 'library': 'Tried with its library.',
         'vector': 'Tried with a signed request that its documents publish.',
         'documents': 'Follows its documents; *not tried* with the product.',
         'unconfirmed': '*Not confirmed*: its documents are not public. Trust its form before this guide.'}
VERIFIED = {'product': 'the product', 'program': 'its program', 'library': 'its library', 'vector': 'a published vector',
            'documents': 'its documents', 'unconfirmed': '*not confirmed*'}
INSTANCES = {
    'shared': 'Its instance can be [shared](README.md#how-many-instances).',
    'own': 'It makes its secret itself: [add that to the tokens](README.md#how-many-instances) of the shared instance.',
    'bearer': 'It writes `Bearer ` before its secret, so [one of the tokens](README.md#how-many-instances) of the shared '
              'instance must begin with that word.',
    'basic': 'It writes `Basic ` before its secret, so [one of the tokens](README.md#how-many-instances) of the shared '
             'instance must begin with that word.',
    'splunk': 'It writes `Splunk ` before its secret, so [one of the tokens](README.md#how-many-instances) of the shared '
              'instance must begin with that word.',
    'url': 'Use an instance [for such senders alone](README.md#how-many-instances).'}
UNKNOWN = 'Unknown: add `severity=high` to the URL if you want one.'
TENANT = 'README.md#on-a-cortex-xsoar-8-tenant'
# How the integration answers a question about the address, by the function of the script that does.
ANSWERS = {'handshake_before_proof': 'the integration answers by itself.',
           'handshake_after_proof': 'the integration answers if the question is signed.'}
SEVERITIES = {0: 'unknown', 0.5: 'informational', 1: 'low', 2: 'medium', 3: 'high', 4: 'critical'}
SHOWN_NAMES = 3


def with_guide(folders: dict[str, Folder]) -> list[Folder]:
    """Return the senders that have a guide, in the order of the table."""
    return sorted((folder for folder in folders.values() if 'soc' in folder.facts), key=lambda folder: int(folder.facts['soc']))


def title_of(folder: Folder) -> str:
    """Return the title of a sender's guide."""
    return str(folder.facts.get('guide', folder.facts['title']))


def slug(title: str) -> str:
    """Return a title as the name of a file or the anchor of a heading."""
    return re.sub(r'[^\w-]', '', title.lower().replace('/', '').replace(' ', '-'))


def target(folder: Folder) -> str:
    """Return where a sender's guide is, seen from the folder of the guides."""
    page = folder.facts.get('page')
    return f'{page}.md#{slug(title_of(folder))}' if page else f'{slug(title_of(folder))}.md'


def told_by(folder: Folder, folders: dict[str, Folder]) -> list[Folder]:
    """Return the senders that a guide is about."""
    return [folder, *(other for other in folders.values() if other.facts.get('guide_of') == folder.name)]


# The guides.


def guides(folders: dict[str, Folder]) -> dict[str, str]:
    """Return the text of each file in the folder of the guides, by its name."""
    files = {}
    for folder in with_guide(folders):
        file = f'{slug(title_of(folder))}.md'
        mark = GENERATED.format(f'senders/{folder.name}/')
        if folder.name in ONCE_FILES:
            page, _ = PAGES[folder.facts['page']]
            files[file] = f'{mark}# {title_of(folder)}\n\nThis guide is now part of [{page}]({target(folder)}).\n'
        elif 'page' not in folder.facts:
            files[file] = f'{mark}# {title_of(folder)}\n\n{guide(folder, folders)}'
    for page, (title, text) in PAGES.items():
        members = [folder for folder in with_guide(folders) if folder.facts.get('page') == page]
        parts = [f'## {title_of(folder)}\n\n{guide(folder, folders)}' for folder in members]
        files[f'{page}.md'] = f'{GENERATED.format("senders/")}# {title}\n\n{text}\n\n' + '\n'.join(parts)
    return files


def guide(folder: Folder, folders: dict[str, Folder]) -> str:
    """Return the guide of a sender, without its title."""
    about = told_by(folder, folders)
    facts = [f'- **{name}**: {text}\n' for name, text in bullets(folder, about) if text]
    sources = ' and '.join(f'<{source}>' for source in dict.fromkeys(each.facts['source'] for each in about))
    return (f'{TRIED[folder.facts["verified"]]} Documented at {sources}.\n\n{moved_links(folder.guide)}{"".join(facts)}\n'
            f'{incidents(folder, about)}')


def bullets(folder: Folder, about: list[Folder]) -> Iterator[tuple[str, str]]:
    """Yield what a guide says by the facts, and by the incidents of all that it is about."""
    facts = folder.facts
    yield 'Token', f'{ways(folder)}. {INSTANCES[facts["instance"]]}'
    yield 'Address check', address_check(facts)
    yield 'XSOAR 8', tenant(facts['xsoar8'])
    yield 'If XSOAR is slow', slow(facts)
    has_own = 'severity' in folder.guide or any('severity' in each for each in shown(folder, about))
    yield 'Severity', severities(folder) or ('' if has_own else UNKNOWN)
    yield 'Resolved', ends(folder)


def ways(folder: Folder) -> str:
    """Return how a sender shows the token."""
    send = folder.facts['proof']['send']
    sent = 'signature' if 'signed' in send else 'url' if send['place'] == 'query' else 'header'
    others = [scheme['header'] for scheme in folder.facts.get('schemes', [])] if sent == 'signature' else []
    headers = {name.lower(): name for name in (*others, send['name'])}  # a header's name is written as it is sent
    name = f'`<URL>?{send["name"]}=<TOKEN>`' if sent == 'url' else ', '.join(f'`{header}`' for header in headers.values())
    words = {'authorization': 'As `Authorization`', 'header': 'in a header of its own', 'url': 'in the URL',
             'signature': 'as the key of its signature'}
    told = [f'{words[way]} ({name})' if way == sent else words[way] for way in folder.facts['proof']['ways']]
    text = ' or '.join(told)
    return text[0].upper() + text[1:]


def address_check(facts: dict[str, Any]) -> str:
    """Return how the integration answers a sender that asks before it trusts an address, or ''."""
    if 'handshake' not in facts:
        return ''
    handshake = facts['handshake']
    return f'It asks with `{handshake["word"]}` before it trusts the URL, and {ANSWERS[handshake["function"]]}'


def tenant(xsoar8: dict[str, str]) -> str:
    """Return how a sender reaches an instance on XSOAR 8."""
    way = xsoar8['cloud'].partition('way ')[2]
    is_certain = not xsoar8['cloud'].startswith('unconfirmed')
    cloud = f'by [way {way}]({TENANT})' if way else 'there is no way' if is_certain else 'there is no confirmed way'
    doubt = ' (*not confirmed*)' if way and not is_certain else ''
    how = f' {xsoar8["how"]}' if 'how' in xsoar8 else ''
    needs = '' if way and is_certain else f' {"Use" if is_certain or not how else "Otherwise, use"} an [engine]({TENANT}).'
    others = ', '.join(f'{name} it {xsoar8[key]}' for key, name in (('on_premises', 'on-premises'), ('engine', 'on an engine'))
                       if key in xsoar8)
    return (f'In the cloud without an engine, {cloud}{doubt}.{how}{needs} '
            + (f'{others[0].upper()}{others[1:]}.' if others else 'On-premises and on an engine, the token alone is enough.'))


def slow(facts: dict[str, Any]) -> str:
    """Return what a sender does if XSOAR is slow."""
    waits = f'{facts["title"]} waits {facts["waits"]}.' if 'waits' in facts else ''
    loses = '503 [loses the event](../maintain.md#which-senders-lose-events).'
    again = {'no': f'A {loses}', 'undocumented': f'So assume that a {loses}' if 'retries' in facts else
             f'Nothing is documented, so assume that a {loses}'}
    return ' '.join(filter(None, (waits, facts.get('retries'), again.get(facts.get('retries_503', 'yes')))))


def severities(folder: Folder) -> str:
    """Return what the words and numbers of a sender's own scales mean, or ''."""
    paths: dict[str, list[str]] = {}
    for row in folder.rows:
        for part in row.get('severity', []) if row.get('severity') != NONE else []:
            paths.setdefault(part.get('scale', ''), []).append(f'`{part["at"]}`')
    told = {' or '.join(dict.fromkeys(paths[scale])): scale_in_words(text)
            for scale, text in folder.facts.get('scales', {}).items() if scale in paths}
    return ' '.join(f'In {where}, {words}.' for where, words in told.items() if words)


def scale_in_words(scale: str) -> str:
    """Return a scale such as `critical=9+, high=7+` as readers see it, without words that are XSOAR's own, or ''."""
    parts = []
    for severity, _, values in (part.partition('=') for part in scale.split(', ')):
        told = [f'{value[:-1]} and more' if value.endswith('+') else value for value in values.split('|') if value != severity]
        if told:
            parts.append(f'{" or ".join(told)} is {"unknown" if severity == NONE else severity}')
    return ', '.join(parts)


def ends(folder: Folder) -> str:
    """Return what becomes of an event that reports the end of a problem, or ''."""
    facts = folder.facts.get('ends', {})
    if 'what' not in facts:
        return str(facts.get('note', ''))
    has_key = any('problem_key' in each['expected'] for each in folder.sender.deliveries if 'state' in each['expected'])
    key = ' and the key of its problem' if has_key else '. It has no problem key, so it cannot be joined to its problem'
    off = f'{facts["off"]}, or add' if 'off' in facts else 'add'
    note = f' {facts["note"]}' if 'note' in facts else ''
    verb = 'become incidents' if re.search(r' and a ', facts['what']) else 'becomes an incident'
    return f'{facts["what"]} {verb} with the label `state: resolved`{key}.{note} To get none, {off} `skip=resolved` to the URL.'


def incidents(folder: Folder, about: list[Folder]) -> str:
    """Return the table at the end of a guide."""
    cells = [(f'`{found["name"]}`', SEVERITIES[found.get('severity', 0)], found.get('state', ''),
              f'`{found["problem_key"]}`' if 'problem_key' in found else '') for found in shown(folder, about)]
    rows = ['|' + '|'.join(f' {cell.replace("|", " ")} '.replace('  ', ' ') for cell in row) + '|' for row in cells]
    return '\n'.join(['| Incident | Severity | State | Problem key |', '| --- | --- | --- | --- |', *rows]) + '\n'


def shown(folder: Folder, about: list[Folder]) -> list[dict[str, Any]]:
    """Return what the deliveries of a guide's table become: those that the folder names, else three names and an end of each."""
    if 'shown' in folder.facts:
        by_title = {each['title']: each['expected'] for other in about for each in other.sender.deliveries}
        return [by_title[title] for title in folder.facts['shown']]
    return [expected for other in about for expected in first_of_each_name(other)]


def first_of_each_name(folder: Folder) -> list[dict[str, Any]]:
    """Return the first incident of each of a sender's first three names, and of the first name that reports an end."""
    problems: dict[str, Any] = {}
    closed: dict[str, Any] = {}
    for expected in (delivery['expected'] for delivery in folder.sender.deliveries if 'name' in delivery['expected']):
        (closed if 'state' in expected else problems).setdefault(expected['name'], expected)
    return [*list(problems.values())[:SHOWN_NAMES], *list(closed.values())[:1]]


def moved_links(text: str) -> str:
    """Return the text of a `guide.md` with its links seen from the folder of the guides."""
    return text.replace('](../../docs/senders/', '](').replace('](../../docs/', '](../').replace('](../../', '](../../')


# The lists in other documents.


def number_of_senders(folders: dict[str, Folder]) -> str:
    """Return what README says of the senders that are known."""
    with_rows = [folder for folder in folders.values() if {'rows', 'rows_of'} & folder.facts.keys()]
    ruled, all_senders = (number // 10 * 10 for number in (len(with_rows), len(folders)))
    return ('**Is your product supported?** The [table of senders](docs/senders/README.md#the-senders) has at least '
            f'{all_senders}, each with a guide or its documentation. At least {ruled} have rules of their own; '
            'a general rule reads all others. Most [sample payloads](senders) come from documents, not products.')


def senders_table(folders: dict[str, Folder]) -> str:
    """Return the table of senders."""
    lines = ['| **Sender** | **Shows the token by** | **Instance** | **XSOAR 8 in the cloud, without an engine** '
             '| **Found in its events** | **Verified by** |', '| --- | --- | --- | --- | --- | --- |']
    for folder in with_guide(folders):
        facts = folder.facts
        instance = 'URL' if facts['instance'] == 'url' else 'shared'
        told = ', '.join(WAYS[way] for way in facts['proof']['ways'])
        cloud = facts['xsoar8']['cloud'].replace('unconfirmed', VERIFIED['unconfirmed'])
        about = told_by(folder, folders)
        name = f'[{title_of(folder)}]({target(folder)})' + other_names(title_of(folder), about)
        lines.append(table_row(name, told, instance, cloud, ', '.join(found(about)), VERIFIED[facts['verified']]))
    return '\n'.join(lines)


def other_names(title: str, about: list[Folder]) -> str:
    """Return by what other names, beside a title, people may search for these senders, or ''."""
    names = dict.fromkeys(name for folder in about for name in (folder.facts['title'], *folder.facts.get('also', []))
                          if name.lower() not in title.lower())
    return f' (also: {", ".join(names)})' if names else ''


def others_table(folders: dict[str, Folder]) -> str:
    """Return the table of the senders that no guide is about, by name."""
    lines = ['| **Sender** | **Shows the token by** | **Found in its events** | **Documented at** |', '| --- | --- | --- | --- |']
    for folder in sorted(folders.values(), key=lambda folder: str(folder.facts['title']).lower()):
        if not {'soc', 'guide_of'} & folder.facts.keys():
            title, source = folder.facts['title'], folder.facts['source']
            lines.append(table_row(title + other_names(title, [folder]), proof_in_words(folder), ', '.join(found([folder])),
                                   f'[{urlsplit(source).netloc}]({source})'))
    return '\n'.join(lines)


def proof_in_words(folder: Folder) -> str:
    """Return how a sender without a guide shows the token: as its recipe does."""
    send = folder.facts['proof']['send']
    way = way_of(send)
    return WAYS[way] + (f' (`{send["name"]}`)' if way in ('header', 'signature') else '')


def way_of(send: dict[str, str]) -> str:
    """Return which of WAYS a recipe's proof takes."""
    if 'signed' in send:
        return 'signature'
    if send['place'] == 'query':
        return 'url'
    return 'authorization' if send['name'].lower() == 'authorization' else 'header'


def table_row(*cells: str) -> str:
    """Return a row of a table in Markdown."""
    return '|' + '|'.join(f' {cell} '.replace('  ', ' ') for cell in cells) + '|'


def found(about: list[Folder]) -> Iterator[str]:
    """Yield what the integration can find in the events of a guide's senders."""
    expected = [delivery['expected'] for folder in about for delivery in folder.sender.deliveries]
    if any(each.get('severity') and 'state' not in each for each in expected):
        yield 'severity'
    if any('problem_key' in each for each in expected):
        yield 'key'
    if any('state' in each for each in expected):
        yield 'end'


def ends_list(folders: dict[str, Folder]) -> str:
    """Return the names of the senders that report the end of a problem."""
    titles = {folder.facts['title'] for folder in folders.values()
              if any('state' in each['expected'] for each in folder.sender.deliveries)}
    return ', '.join(sorted(titles, key=str.lower)) + '.'


def signatures_list(folders: dict[str, Folder]) -> str:
    """Return the headers of signatures that the general rule does not cover."""
    headers = dict.fromkeys(scheme['header'].lower() for folder in folders.values() for scheme in folder.facts.get('schemes', [])
                            if scheme['header'].lower() != 'authorization')  # which the table above has
    return f'Headers of signatures that their senders document: {", ".join(f"`{header}`" for header in headers)}.'


def lost_list(folders: dict[str, Folder]) -> str:
    """Return the senders that lose events, with what their users can do."""
    lines = ['| sender | tries again | what you can do |', '| --- | --- | --- |']
    for answer, told in (('no', 'no'), ('undocumented', 'not documented: assume no')):
        for folder in with_guide(folders):
            if folder.facts.get('retries_503') == answer:
                cells = f'[{title_of(folder)}](senders/{target(folder)})', told, folder.facts.get('lost', '')
                lines.append(f'| {" | ".join(cells)} |'.replace('  ', ' '))
    return '\n'.join(lines)


def kinds_list(folders: dict[str, Folder]) -> str:
    """Return the guides by kind, as the integration's README has them."""
    lines = ['| **Kind** | **Guides** |', '| --- | --- |']
    for kind, name in KINDS.items():
        links = [f'[{title_of(folder)}](../../../../docs/senders/{target(folder)})' for folder in with_guide(folders)
                 if folder.facts['kind'] == kind]
        if links:
            lines.append(f'| {name} | {", ".join(links)} |')
    return '\n'.join(lines)
