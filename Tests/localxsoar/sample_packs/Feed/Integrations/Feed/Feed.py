"""A feed: indicators by fetch-indicators, and a command that finds them again."""
import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403


def indicators():
    return [{'value': f'198.51.100.{n}', 'type': 'IP', 'rawJSON': {'n': n}, 'fields': {'tags': ['conformance']}}
            for n in range(int(demisto.params()['count']))]


def main():
    command = demisto.command()
    if command == 'test-module':
        return_results('ok')
    elif command == 'fetch-indicators':
        demisto.createIndicators(indicators())
    elif command == 'feed-search':
        found = demisto.searchIndicators(query='type:IP', size=2)
        return_results(CommandResults(outputs_prefix='Feed.Found', outputs=[ioc['value'] for ioc in found['iocs']],
                                      readable_output=f"{found['total']} indicators"))
    else:
        raise NotImplementedError(command)


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
