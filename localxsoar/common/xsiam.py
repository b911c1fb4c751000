"""Sending events and assets to XSIAM, or to the local XSOAR in its place, and what a script asks about where it runs."""
import gzip
import os
import time
from collections.abc import Iterator
from typing import Any

import demistomock as demisto

from localxsoar.common.base import DemistoException, _dumps, get_demisto_version
from localxsoar.common.http import BaseClient, handle_proxy

EVENTS, ASSETS = 'events', 'assets'
DATA_TYPES = [EVENTS, ASSETS]
XSIAM_EVENT_CHUNK_SIZE = 2 ** 20  # characters, before they are compressed
XSIAM_EVENT_CHUNK_SIZE_LIMIT = 9 * 10 ** 6
_ACCEPTED = 'false'  # what a response says under `error` if there was none


def is_xsiam() -> bool:
    """Return whether the server is XSIAM."""
    return bool(get_demisto_version().get('platform') == 'x2')


def get_script_name() -> str:
    """Return the name of the script that runs, or '' in an integration."""
    return str(demisto.callingContext.get('context', {}).get('ScriptName') or '')


def get_integration_instance_name() -> str:
    """Return the name of the instance that runs, or '' in a script."""
    return str(demisto.callingContext.get('context', {}).get('IntegrationInstance') or '')


def handle_proxy_for_long_running(proxy_param_name: str = 'proxy', checkbox_default_value: bool = False,
                                  handle_insecure: bool = True, insecure_param_name: Any = None) -> tuple[dict[str, str], bool]:
    """Return the proxies of a long-running integration, and whether certificates are to be verified."""
    if address := os.environ.get('CRTX_HTTP_PROXY'):  # of a hosted server
        return {'http': address, 'https': address}, True
    return handle_proxy(proxy_param_name, checkbox_default_value, handle_insecure, insecure_param_name), handle_insecure


def split_data_to_chunks(data: Any, target_chunk_size: int) -> Iterator[list[str]]:
    """Yield the lines of a text, or the items of a list, in lists of about so many characters."""
    limit = min(target_chunk_size, XSIAM_EVENT_CHUNK_SIZE_LIMIT)
    chunk: list[str] = []
    size = 0
    for line in data.split('\n') if isinstance(data, str) else data:
        if chunk and size + len(line) > limit:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk


def send_events_to_xsiam(events: Any, vendor: str, product: str, data_format: Any = None, url_key: str = 'url',
                         num_of_attempts: int = 3, chunk_size: int = XSIAM_EVENT_CHUNK_SIZE,
                         should_update_health_module: bool = True, add_proxy_to_request: bool = False,
                         multiple_threads: bool = False, client_class: Any = None) -> Any:
    """Send events, which are a text of lines or a list of texts or objects, and report their number as the instance's health."""
    return send_data_to_xsiam(events, vendor, product, data_format, url_key, num_of_attempts, chunk_size, EVENTS,
                              should_update_health_module, add_proxy_to_request)


def send_data_to_xsiam(data: Any, vendor: str, product: str, data_format: Any = None, url_key: str = 'url',
                       num_of_attempts: int = 3, chunk_size: int = XSIAM_EVENT_CHUNK_SIZE, data_type: str = EVENTS,
                       should_update_health_module: bool = True, add_proxy_to_request: bool = False, snapshot_id: str = '',
                       items_count: Any = None, multiple_threads: bool = False, client_class: Any = None) -> Any:
    """Send events or assets. Raise DemistoException for a response that is not a success."""
    count = 0
    if data:
        if not isinstance(data, (str, list)):
            raise DemistoException(f'Unsupported type: {type(data)} for the {data_type} parameter. Should be a string or list.')
        if isinstance(data, list) and isinstance(data[0], dict):
            data, data_format = [_dumps(item) for item in data], 'json'
        headers = _xsiam_headers(vendor, product, data_format or 'text', url_key, data_type)
        if data_type == ASSETS:
            headers['snapshot-id'] = f'{snapshot_id or round(time.time() * 1000)}{headers["instance-name"]}'
            headers['total-items-count'] = str(items_count or (len(data) if isinstance(data, list) else 1))
        for chunk in split_data_to_chunks(data, chunk_size):
            _send_chunk(gzip.compress('\n'.join(chunk).encode()), headers, num_of_attempts, add_proxy_to_request)
            count += len(chunk)
    if should_update_health_module:
        demisto.updateModuleHealth({f'{data_type}Pulled': count})


def _xsiam_headers(vendor: str, product: str, data_format: str, url_key: str, data_type: str) -> dict[str, str]:
    context = demisto.callingContext.get('context', {})
    return {'authorization': str(demisto.getLicenseCustomField('Http_Connector.token')), 'format': data_format,
            'product': product, 'vendor': vendor, 'content-encoding': 'gzip',
            'collector-name': str(context.get('IntegrationBrand') or ''), 'instance-name': get_integration_instance_name(),
            'final-reporting-device': str(demisto.params().get(url_key) or ''), 'collector-type': data_type}


def _send_chunk(zipped: bytes, headers: dict[str, str], attempts: int, use_proxy: bool) -> None:
    """Send one compressed chunk, again if there are too many requests."""
    xsiam_domain = demisto.getLicenseCustomField('Http_Connector.url')
    client = BaseClient(base_url=f'https://api-{xsiam_domain}', proxy=use_proxy)
    for attempt in range(1, attempts + 1):
        response = client._http_request('POST', '/logs/v1/xsiam', data=zipped, headers=headers, resp_type='response',
                                        ok_codes=(200, 429) if attempt < attempts else None)
        if response.status_code != 429:
            break
        time.sleep(1)
    if str(response.json().get('error')).lower() != _ACCEPTED:
        raise DemistoException(f'Error sending new {headers["collector-type"]} into XSIAM.\n{response.text}', res=response)
