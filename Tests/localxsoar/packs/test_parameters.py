"""The instance's form: how its fields are read, which of them are secret, and what is wrong in them."""

from typing import Any

import pytest
from facts import fact

from localxsoar.errors import UsageError
from localxsoar.packs.pack import Integration
from localxsoar.packs.parameters import (
    NOT_IN_THE_VAULT, container_port, describe_form, doubts_about_defaults, field_in, fill_form, form_text, masked_params,
    secret_values, secrets_that_are_set)


def credentials(user: str, password: str) -> dict[str, Any]:
    """Return credentials that are not in the server's vault."""
    return {'identifier': user, 'password': password, 'passwordChanged': False, 'credential': '',
            'credentials': dict(NOT_IN_THE_VAULT)}


ROWS: list[dict[str, Any]] = [
    {'name': 'text', 'display': 'A text'}, {'name': 'number', 'type': 1},
    {'name': 'encrypted', 'display': 'Encrypted', 'type': 4},
    {'name': 'switch', 'type': 8, 'required': True, 'defaultvalue': False}, {'name': 'user', 'display': 'User', 'type': 9},
    {'name': 'key', 'display': 'A text area', 'type': 14, 'additionalinfo': 'From the console.'},
    {'name': 'one', 'type': 15, 'options': [1, 2]}, {'name': 'some', 'type': 16, 'options': ['a', 'b'], 'defaultvalue': 'a, b'},
    {'name': 'free', 'type': 15}, {'name': 'odd', 'type': 99, 'defaultvalue': 5}, {'name': 'hidden', 'hidden': True},
]
FORM = Integration({'name': 'Form', 'configuration': ROWS, 'script': {}}, '', '', '', '', '')
EMPTY: dict[str, Any] = {'text': None, 'number': None, 'encrypted': None, 'switch': False,
         'user': {}, 'key': None, 'one': None, 'some': ['a', 'b'], 'free': None, 'odd': '5', 'hidden': None}
FULL = {**EMPTY, 'encrypted': 'h4sh', 'user': credentials('kim', 'hush'), 'key': 'k3y'}


def no_port() -> int:
    raise AssertionError('no port is needed')


@fact('inferred', 'an optional parameter that was never set and has no default is null, whatever its type, but a boolean is '
      "false; one that was emptied is ''")
@fact('inferred', 'credentials have `identifier`, `password`, `passwordChanged`, `credential` and `credentials`')
@pytest.mark.parametrize('name, given, value', [
    ('text', '', ''), ('number', ' -5 ', '-5'), ('switch', 'TRUE', True), ('switch', '', False), ('one', '2', '2'),
    ('some', 'b', ['b']), ('some', ' a ,, ', ['a']), ('some', '', []), ('free', 'anything', 'anything'), ('odd', 'x', 'x'),
    ('user', 'kim:', credentials('kim', '')), ('user', 'me:pass:word', credentials('me', 'pass:word'))])
def test_a_field_of_each_type_is_read(name: str, given: str, value: Any) -> None:
    assert fill_form(FORM, {}, no_port) == EMPTY
    assert fill_form(FORM, {name: given}, no_port) == {**EMPTY, name: value}


@pytest.mark.parametrize('name, given, words', [
    ('switch', 'very', 'neither true nor false'),
    ('number', '1.5', r'^number \(number\)'), ('some', 'a,c', "'c' is not one of a, b"), ('one', '3', "'3' is not one of 1, 2"),
    ('user', 'hush', r'^User \(user\): the value has no colon\. Write user=USER:PASSWORD\.$'),
    ('hidden', 'x', 'hidden is hidden.* Known: text'),
    ('none', 'x', r'^Form has no parameter none\. Known: text \(A text\), .*odd \(odd\)\.$')])
def test_a_field_of_each_type_rejects_what_it_cannot_be(name: str, given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fill_form(FORM, {name: given}, no_port)


def test_all_that_is_missing_is_named_at_once_and_a_default_that_is_no_option_is_a_doubt() -> None:
    rows = [{'name': 'url', 'display': 'Address', 'required': True}, {'name': 'key', 'type': 9, 'required': True},
            *({'name': f'level{kind}', 'type': kind, 'options': ['low'], 'defaultvalue': 'none'} for kind in (15, 16))]
    form = Integration({'name': 'Form', 'configuration': rows, 'script': {}}, '', '', '', '', '')
    with pytest.raises(UsageError, match=r'^Address \(url\) and key \(key\) are required\. '
                                         r'Set them with --set url=VALUE --set key=USER:PASSWORD\.$'):
        fill_form(form, {}, no_port)
    filled = fill_form(form, {'url': 'a', 'key': 'b:c'}, no_port)
    assert (filled['level15'], filled['level16']) == ('none', ['none'])
    assert list(doubts_about_defaults(form)) == [
        f"level{kind} (level{kind}): the default 'none' is not one of low." for kind in (15, 16)]


@pytest.mark.parametrize('value, text', [
    (None, ''), ('a', 'a'), (5, '5'), (True, 'true'), (False, 'false'), (['a', 5], 'a,5'),
    ({'identifier': 'kim', 'password': 'hush'}, 'kim:hush'), ({'identifier': None}, ':')])
def test_a_value_from_the_api_is_read_as_a_person_would_type_it(value: Any, text: str) -> None:
    assert form_text(value) == text


def test_the_values_of_each_encrypted_type_are_secret_and_no_others() -> None:
    assert secret_values(FORM, FULL) == ['h4sh', 'hush', 'k3y'] and secret_values(FORM, EMPTY) == []
    assert secret_values(FORM, {'encrypted': 'new || old||er', 'text': 'a || b'}) == ['new || old||er', 'new', 'old||er']
    assert secrets_that_are_set(FORM, FULL) == ['Encrypted (encrypted)', 'User (user)', 'A text area (key)']
    assert secrets_that_are_set(FORM, EMPTY) == []
    assert masked_params(FORM, FULL, '*') == {**FULL, 'encrypted': '*', 'user': '*', 'key': '*'}
    assert masked_params(FORM, {'encrypted': '', 'text': 'a'}, '*') == {'encrypted': '', 'text': 'a'}


KEYED = Integration({'name': 'Keyed', 'script': {}, 'configuration': [
    {'name': 'login', 'display': '', 'displaypassword': 'API Key', 'type': 9, 'hiddenusername': True, 'required': True}]},
    '', '', '', '', '')


@fact('seen', '`hiddenusername` hides the user of credentials, and `displaypassword` is the label of the password')
@pytest.mark.parametrize('given, words', [
    ('', r'^API Key \(login\) is required\. Set it with --set login=:PASSWORD\.$'), (':', 'is required'),
    ('hush', r'^API Key \(login\): the form hides the user\. Write login=:PASSWORD\.$'), ('hu:sh', 'the form hides the user')])
def test_credentials_whose_user_is_hidden_are_a_password_after_a_colon(given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fill_form(KEYED, {'login': given}, no_port)
    params = fill_form(KEYED, {'login': ':hu:sh'}, no_port)
    assert params == {'login': credentials('', 'hu:sh')}
    [row] = describe_form(KEYED, params)
    assert (row['label'], row['password'], row['hidesUser'], row['set']) == ('API Key', 'API Key', True, True)
    assert field_in(KEYED, 'API Key is wrong') == 'login'


def test_the_page_gets_the_form_with_no_secret_but_whether_it_is_set() -> None:
    rows = {row['name']: row for row in describe_form(FORM, FULL)}
    assert list(rows) == [row['name'] for row in ROWS if row['name'] != 'hidden']
    assert rows['key'] == {'name': 'key', 'label': 'A text area', 'help': 'From the console.', 'kind': 14, 'required': False,
                           'options': [], 'secret': True, 'set': True, 'value': None, 'hidesUser': False, 'password': 'password'}
    assert (rows['user']['set'], rows['user']['value'], rows['user']['secret']) == (True, 'kim', True)
    some, text = rows['some'], rows['text']
    assert (some['value'], some['set'], some['secret'], some['kind']) == (['a', 'b'], True, False, 16)
    assert (text['kind'], text['set'], rows['switch']['required'], rows['one']['options']) == (0, False, True, [1, 2])
    [without_password] = [row for row in describe_form(FORM, {**FULL, 'user': credentials('kim', '')}) if row['name'] == 'user']
    assert (without_password['set'], without_password['value']) == (False, 'kim')
    unset = {row['name']: row for row in describe_form(FORM, EMPTY)}
    assert (unset['user']['set'], unset['encrypted']['set'], unset['user']['value']) == (False, False, '')
    assert unset['switch']['value'] is False


@pytest.mark.parametrize('text, name', [
    ('A text area is wrong', 'key'), ('A text is wrong', 'text'), ('number is wrong', ''), ('', '')])
def test_a_message_names_the_field_with_the_longest_label_in_it(text: str, name: str) -> None:
    assert field_in(FORM, text) == name


@pytest.mark.parametrize('script, has_port, is_long_running, names', [
    ({}, False, False, []), ({'longRunning': True}, False, True, []),
    ({'longRunningPort': True}, True, False, ['longRunningPort'])])
def test_a_port_is_in_the_form_of_an_integration_that_has_one(
        script: Any, has_port: bool, is_long_running: bool, names: list[str]) -> None:
    integration = Integration({'commonfields': {'id': 'X'}, 'name': 'Y', 'script': script}, '', '', '', '', '')
    assert (integration.name, integration.has_port, integration.is_long_running) == ('X', has_port, is_long_running)
    assert [row['name'] for row in integration.parameters] == names and integration.commands == {}
    if has_port:
        assert integration.parameters == [{'name': 'longRunningPort', 'display': 'Listen Port', 'type': 0, 'required': True}]
        assert fill_form(integration, {}, lambda: 4711) == {'longRunningPort': '4711'}
        with pytest.raises(UsageError, match='Listen Port'):
            fill_form(integration, {'longRunningPort': ' '}, lambda: 4711)


@pytest.mark.parametrize('text, port', [
    ('65535', 65535), ('65536', None), ('1', 1), (' 80 ', 80), ('000080', None), ('9999:8080', 8080), ('abc', None), ('', None),
    ('0', None), ('-1', None), ('80.5', None), ('a:b', None)])
def test_a_port_is_a_number_from_1_to_65535_after_the_colon(text: str, port: int | None) -> None:
    assert container_port({'longRunningPort': text}) == port
