"""The word `expect` of a sender's URL: what it accepts, what each mistake says, and that nothing grows."""
from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from GenericWebhook import (ERROR_MARKERS, MAX_HISTORY_BYTES, MAX_WATCHES, PostQueue, Settings, Silences, Tokens, Watch, hash_of,
                            read_context, read_words, watched_name)
from shared.app import NOW, App
from shared.webhook import TOKEN

OTHER = 'other-7d20c4be91f5'
LONGER = f'{OTHER}-renewed'
SHORT = 'abc'
MISTAKE = ('expect: it is not a duration from 1m to 30d, or off, with a colon and a name of 1 to 60 printable characters '
           '(ignored)')
NO_ROOM = f'expect: there is no room for this name among {MAX_WATCHES} in 64 KiB (ignored)'
SECRET = 'expect: its name contains a token (ignored)'


def note(app: App, value: str, query: str = '') -> str:
    """Return the note on a value of the word. The event is created in any case."""
    before = len(app.incidents)
    answer = app.post('{"title": "Disk full"}', {'Authorization': TOKEN}, f'{query}expect={quote(value, safe="")}')
    assert answer.status == 200 and len(app.incidents) == before + 1
    text = answer.headers.get('x-webhook-note', '')
    assert text.isascii() and text.isprintable()
    return text


def names(app: App) -> list[str]:
    return [watch.name for watch in app.app.line.silences.watches.values()]


@pytest.mark.parametrize(('value', 'expected'), [
    *((value, '') for value in ('15m:Backups', '1m:a', '30d:a', '43200m:a', '720h:a', ' 15m : Backups ', '015m:a', '1h:a:b, c|d',
                                '1d:Sauvegardes à Évreux', '1d:備份', f'1d:{"x" * 60}', 'off:a')),
    *((value, MISTAKE) for value in (
        '0:a', '0m:a', '1000d:a', '31d:a', '43201m:a', '0', '1000d', '15:a', '15s:a', '15M:a', '1.5h:a', '-5m:a', '+5m:a',
        '5 m:a', '٣m:a', '5m5m:a', 'a', ':a', 'on:a', 'Off:a', f'{"9" * 5000}m:a')),
    *((value, MISTAKE) for value in (
        '15m', '15m:', '15m: ', 'off', 'off:', '15m:a\nb', '15m:a\x00', '15m:a\u200bb', '15m:a\u2028b', f'15m:{"x" * 61}',
        '15m:\ufffd')),
])
def test_a_value_is_read_or_a_note_says_why_not(app: App, value: str, expected: str) -> None:
    assert note(app, value) == expected
    watched = [] if expected or value.startswith('off') else [value.partition(':')[2].strip()]
    assert names(app) == watched


@pytest.mark.parametrize(('query', 'expected'), [
    ('', ('Unclassified', 2)), ('type=Silence&severity=high&', ('Silence', 3)), ('severity=0&', ('Unclassified', 0))])
def test_a_silence_has_the_type_and_severity_of_the_url_or_else_the_instances_type_and_medium(
        query: str, expected: tuple[str, float]) -> None:
    with App(incident_type='Unclassified') as app:
        assert note(app, '15m:Backups', query) == ''
        [watch] = app.app.line.silences.watches.values()
        assert (watch.type, watch.severity) == expected


def test_bytes_that_are_no_text_are_no_name(app: App) -> None:
    answer = app.post('{"title": "Disk full"}', {'Authorization': TOKEN}, 'expect=15m%3A%FF')
    assert answer.headers['x-webhook-note'] == MISTAKE and not names(app)


def test_the_last_one_counts_and_an_empty_or_misspelled_word_is_none(app: App) -> None:
    assert note(app, '15m:Good', 'expect=15m%3Aother&') == ''
    assert names(app) == ['Good']
    assert note(app, '') == note(app, ' ') == ''
    assert note(app, '15m:Good', 'at_least=x&').startswith('at_least')
    assert app.post('{"a": 1}', {'Authorization': TOKEN}, 'expct=15m%3AOld').headers['x-webhook-note'] == (
        'expect: a parameter with nearly this name was ignored')
    assert names(app) == ['Good']


@pytest.mark.parametrize(('name', 'shown', 'key'), [
    ('db-1.example.com:8080/x', 'db-1.example.com:8080/x', 'db-1.example.com:8080/x'),
    ('Nightly backups', 'Nightly backups', hash_of(['Nightly backups'])),
    ('0123456789abcdef' * 2, '0123456789abcdef' * 2, hash_of(['0123456789abcdef' * 2])),
    (f'db-{OTHER}-1', 'db--1', 'db--1'), (f'db-{LONGER}-1', 'db--1', 'db--1'),
    (f'{OTHER} {OTHER}', hash_of([f'{OTHER} {OTHER}']), hash_of([f'{OTHER} {OTHER}'])),
    (f'x{OTHER[:9]}{OTHER}{OTHER[9:]}', *2 * (hash_of([f'x{OTHER[:9]}{OTHER}{OTHER[9:]}']),)),
    (f'a {SHORT} b', f'a {SHORT} b', hash_of([f'a {SHORT} b'])),
    ('a $$## b', 'a $ $## b', hash_of(['a $ $## b'])),
])
def test_a_name_is_free_of_every_other_token_and_the_proving_one_makes_it_no_name(name: str, shown: str, key: str) -> None:
    settings = Settings(8080, Tokens(f'{TOKEN} || {OTHER} || {LONGER} || {SHORT}'), None)
    proving, *_ = settings.tokens
    assert read_words(settings, proving, (('expect', f'15m:{name}'),)).expect == ('15m', name)
    assert watched_name(settings, name) == (shown, f'silence/{key}')
    for secret in (TOKEN, OTHER, SHORT, f'a {TOKEN}', f'{TOKEN} b'):
        words = read_words(settings, proving, (('expect', f'15m: {secret} '), ('type', 'T')))
        assert (words.expect, words.notes, words.type) == (None, (SECRET,), 'T')
        words = read_words(settings, proving, (('expect', '15m:Good'), ('expect', f'15m:{secret}')))
        assert (words.expect, words.notes) == (('15m', 'Good'), (SECRET,))


def test_no_mark_of_an_error_is_in_what_is_saved_or_sent(app: App) -> None:
    for marker in ERROR_MARKERS:
        assert note(app, f'15m:{marker}', f'type={quote(marker)}&') == ''
    saved = json.dumps(app.app.line.silences.to_context())
    assert not any(marker in saved for marker in ERROR_MARKERS)


def test_a_thousand_names_make_a_hundred_watches_and_lose_no_event(app: App) -> None:
    for number in range(1000):
        answer = app.post('{"beat": 1}', {'Authorization': TOKEN}, f'skip=beat&expect=15m%3A{number}')
        assert (answer.status, answer.headers.get('x-webhook-note', '')) == (200, '' if number < MAX_WATCHES else NO_ROOM)
    assert names(app) == [str(number) for number in range(MAX_WATCHES)]
    assert note(app, '1h:new') == NO_ROOM and note(app, '1h:7') == ''
    assert len(app.app.line.silences.to_context()['silences'].encode()) <= MAX_HISTORY_BYTES


def test_the_widest_watches_take_no_more_than_64_kib(app: App) -> None:
    silences = app.app.line.silences
    kinds = [note(app, f'43200m:{number:02}{"𝄞" * 58}', f'type={"T" * 250}&') for number in range(MAX_WATCHES)]
    assert set(kinds) == {'', NO_ROOM}
    first, due = next(iter(silences.watches.values())), silences.clock + 43200 * 60
    first.last = first.due = 0
    assert note(app, f'43200m:{first.name}', f'type={"T" * 60_000}&') == NO_ROOM, 'another type does not fit'
    assert (first.type, first.last) == ('T' * 250, NOW) and first.due >= due, 'but it is a sign of life'
    for watch in silences.watches.values():  # as long as they can become
        watch.last = watch.silent_since = 4102444800.123456
        watch.due, watch.latest_occurred = 1234567890.1234567, '2026-11-24T10:01:00Z'
    assert MAX_HISTORY_BYTES * 0.8 < len(silences.to_context()['silences'].encode()) <= MAX_HISTORY_BYTES


@pytest.mark.parametrize('saved', [
    'x', '[]', '{}', '[0]', '[0, {"silence/a": 1}]', '[0, {"silence/a": ["a", "15x", null, 2, 0]}]', 17, None,
    '[0, {"silence/a": ["a", "0m", null, 2, 0]}]', '[0, {"silence/a": ["a", "15m", null, "2", 0]}]',
])
def test_a_damaged_context_is_as_if_nothing_had_been_saved(saved: object) -> None:
    silences = Silences(PostQueue())
    silences.restore({'silences': saved})
    assert not silences.watches


def test_of_a_context_with_more_watches_a_hundred_are_read() -> None:
    silences = Silences(PostQueue())
    saved = [0, {f'silence/{number}': [str(number), '15m', None, 2, 0, 0, 0, '', True] for number in range(200)}]
    for name in ('7', '199'):
        silences.hear(f'silence/{name}', Watch(name, '1h', None, 2, 0), 0)
    silences.restore({'silences': json.dumps(saved)})
    assert len(silences.watches) == MAX_WATCHES
    # Those that were heard already are among them, with the silence that their next sign of life ends.
    heard = [silences.watches[f'silence/{name}'] for name in ('7', '199')]
    assert [(watch.every, watch.is_open) for watch in heard] == [('1h', True)] * 2
    assert read_context('silences', tuple[float, dict[str, Watch]], silences.to_context())[1] == silences.watches
