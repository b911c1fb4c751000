"""Which command runs."""
import time

import demistomock as demisto
from CommonServerPython import return_error, return_results

from receiver.commands import deliveries_report, result_of_test, serve
from receiver.events.rows import SenderRows
from receiver.image import show_health
from receiver.journal.samples import read_samples
from receiver.senders import SENDERS
from receiver.settings import read_settings


def main() -> None:
    """Run the command that the server asks for. If a known command fails before serving begins, report that."""
    command = demisto.command()
    if command not in ('test-module', 'long-running-execution', 'fetch-incidents', 'generic-webhook-deliveries'):
        raise NotImplementedError(f'The command {command} is not implemented.')
    try:
        # XSOAR runs fetch-incidents for the mapping wizard: it returns samples and creates nothing.
        if command == 'fetch-incidents':
            return demisto.incidents(read_samples(demisto.getIntegrationContext()))
        if command == 'generic-webhook-deliveries':
            return return_results(deliveries_report(demisto.getIntegrationContext(), demisto.args(), time.time()))
        settings = read_settings(demisto.params())
        # The test opens no port, because the container that serves may have opened it already.
        if command == 'test-module':
            return return_results(result_of_test(settings))
        if not settings.port:
            raise ValueError('Listen Port is empty. Set it and save the instance.')
    except Exception as error:
        text = f'Generic Webhook, {command}: {error}'
        if command == 'long-running-execution':
            show_health(text)
        return return_error(text)
    return serve(settings, SenderRows(SENDERS))


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
