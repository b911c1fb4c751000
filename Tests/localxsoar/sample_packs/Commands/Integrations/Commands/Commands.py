"""Ordinary commands with outputs, a file, an error, and a fetch that keeps its last run."""
import json

import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403


def hello():
    name = demisto.getArg('name')
    outputs = {'name': name, 'text': f"{demisto.getArg('greeting')} {name}"}
    return CommandResults(outputs_prefix='Hello.Greeting', outputs_key_field='name', outputs=outputs,
                          readable_output=f'### Greeting\n|name|text|\n|---|---|\n|{name}|Hello {name}|\n')


def show():
    text = demisto.getArg('text')
    return CommandResults(outputs_prefix='Shown', outputs={'text': text, 'big': 12345678901234567890}, readable_output=text)


def hide():
    text = f"{demisto.params().get('apikey')} and {demisto.getArg('password')}"
    demisto.info(f'hidden: {text}')
    demisto.setIntegrationContext({'hidden': text})
    return CommandResults(outputs_prefix='Hidden', outputs={text: text}, readable_output=text)


def read():
    file = demisto.getFilePath(demisto.args()['entry_id'])
    with open(file['path'], encoding='utf-8') as opened:
        return CommandResults(readable_output=f"{file['name']}: {opened.read()}")


def server():
    """What the server says of itself."""
    return {'version': demisto.demistoVersion()['version'], 'url': demisto.demistoUrls()['server'],
            'user': json.loads(demisto.internalHttpRequest('GET', '/user')['body'])['username'],
            'missing': demisto.internalHttpRequest('GET', '/nothing')['statusCode'],
            'found': demisto.findUser(username='admin')['id'],
            'nobody': demisto.findUser(username='nobody'), 'dt': demisto.dt({'a': [{'b': 1}, {'b': 2}]}, 'val.a.b'),
            'relationships': demisto.searchRelationships({'entities': ['a']})['data'], 'license': demisto.getLicenseID()}


def fetch():
    number = demisto.getLastRun().get('number', 0) + 1
    demisto.setLastRun({'number': number})
    demisto.incidents([{'name': f'ordinary {number}', 'rawJSON': json.dumps({'number': number})}])


def main():
    command = demisto.command()
    try:
        if command == 'test-module':
            if demisto.params().get('apikey') == 'wrong':
                raise ValueError('[401] Unauthorized\n{"error": "bad key"}')
            return_results('ok')
        elif command == 'fetch-incidents':
            fetch()
        elif command == 'hello-say':
            return_results(hello())
        elif command == 'hello-read':
            return_results(read())
        elif command == 'hello-show':
            return_results(show())
        elif command == 'hello-hide':
            return_results(hide())
        elif command == 'hello-file':
            return_results(fileResult('grüße <b>.txt', demisto.getArg('text') or 'nothing'))
        elif command == 'hello-server':
            return_results(CommandResults(outputs_prefix='Server', outputs=server()))
        elif command == 'hello-entry':
            return_results({'Type': 1, 'ContentsFormat': 'json', 'Contents': {'a': 1}})
        elif command == 'hello-fail':
            raise ValueError('This one fails.')
        elif command == 'hello-trace':
            [][1]
        elif command == 'hello-table':
            AutoFocusKeyRetriever('a name that the subset lacks')  # type: ignore[name-defined]  # noqa: F821
        else:
            raise NotImplementedError(command)
    except ValueError as error:
        return_error(f'Failed to run {command}: {error}')


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
