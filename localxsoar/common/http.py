"""The client of an HTTP API. It needs requests, which it imports when a client is made: that alone takes 0.15 s."""
import os
from typing import Any

import demistomock as demisto

from localxsoar.common.arguments import urljoin
from localxsoar.common.base import DemistoException

_PROXY_VARIABLES = ('HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy')
_READERS: dict[str, Any] = {'json': lambda response: response.json(), 'text': lambda response: response.text,
                            'content': lambda response: response.content, 'response': lambda response: response}


def skip_proxy() -> None:
    """Forget the proxies of the environment."""
    for name in _PROXY_VARIABLES:
        os.environ.pop(name, None)


def skip_cert_verification() -> None:
    """Forget the certificates of the environment, which would be used in spite of `verify=False`."""
    for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'):
        os.environ.pop(name, None)


def handle_proxy(proxy_param_name: str = 'proxy', checkbox_default_value: bool = False, handle_insecure: bool = True,
                 insecure_param_name: Any = None) -> dict[str, str]:
    """Return the proxies to use, by the parameters of the instance, and forget those that it does not want."""
    params = demisto.params()
    if handle_insecure and any(params.get(name) for name in ([insecure_param_name] if insecure_param_name else
                                                             ('insecure', 'unsecure'))):
        skip_cert_verification()
    if not params.get(proxy_param_name, checkbox_default_value):
        skip_proxy()
        return {}
    return {name: os.environ.get(f'{name}_proxy') or os.environ.get(f'{name.upper()}_PROXY') or '' for name in ('http', 'https')}


class BaseClient:
    """A client of an HTTP API, from which an integration derives its own."""
    REQUESTS_TIMEOUT = 60

    def __init__(self, base_url: str, verify: bool = True, proxy: bool = False, ok_codes: Any = (), headers: Any = None,
                 auth: Any = None, timeout: Any = REQUESTS_TIMEOUT) -> None:
        import requests
        self._base_url = base_url
        self._verify = verify
        self._ok_codes = ok_codes
        self._headers = headers
        self._auth = auth
        self.timeout = timeout
        self._session = requests.Session()
        if not proxy:
            skip_proxy()
        if not verify:
            skip_cert_verification()

    def __del__(self) -> None:
        if session := self.__dict__.get('_session'):
            session.close()

    def _retry(self, retries: int, statuses: Any, backoff_factor: Any, raise_on_redirect: bool, raise_on_status: bool) -> None:
        """Make the session repeat requests that fail, or that get one of the statuses."""
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry
        retry = Retry(total=retries, read=retries, connect=retries, status=retries, backoff_factor=backoff_factor,
                      status_forcelist=statuses, allowed_methods=('GET', 'POST', 'PUT'), raise_on_status=raise_on_status,
                      raise_on_redirect=raise_on_redirect)
        for scheme in ('http://', 'https://'):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def _is_status_code_valid(self, response: Any, ok_codes: Any = None) -> bool:
        """Return whether a status is one of the given codes, of the client's codes or, without any, below 400."""
        codes = ok_codes or self._ok_codes
        return response.status_code in codes if codes else bool(response.ok)

    def client_error_handler(self, res: Any) -> Any:
        """Raise DemistoException with the status, the reason and the body of a response."""
        text = f'Error in API call [{res.status_code}] - {res.reason}'
        body = res.text
        raise DemistoException(f'{text}\n{body}' if body else text, res=res)

    def _http_request(self, method: str, url_suffix: str = '', full_url: Any = None, headers: Any = None, auth: Any = None,
                      json_data: Any = None, params: Any = None, data: Any = None, files: Any = None, timeout: Any = None,
                      resp_type: str = 'json', ok_codes: Any = None, return_empty_response: bool = False, retries: int = 0,
                      status_list_to_retry: Any = None, backoff_factor: Any = 5, raise_on_redirect: bool = False,
                      raise_on_status: bool = False, error_handler: Any = None, empty_valid_codes: Any = None,
                      params_parser: Any = None, with_metrics: bool = False, **kwargs: Any) -> Any:
        """Send a request and return its response as JSON, text, bytes or the response itself, by `resp_type`.

        Raise DemistoException for a status that is not valid, for a body that is not JSON, and if there is no response.
        """
        if retries:
            self._retry(retries, status_list_to_retry, backoff_factor, raise_on_redirect, raise_on_status)
        response = self._send(
            method, full_url or urljoin(self._base_url, url_suffix), params=params, data=data, json=json_data, files=files,
            headers=headers or self._headers, auth=auth or self._auth, timeout=timeout or self.timeout, **kwargs)
        if not self._is_status_code_valid(response, ok_codes):
            return (error_handler or self.client_error_handler)(response)
        if return_empty_response and (not response.content or response.status_code in (empty_valid_codes or [204])):
            return response
        return self._read(response, resp_type)

    def _send(self, method: str, address: str, **options: Any) -> Any:
        """Return the response to a request. Raise DemistoException, which says why, if there is none."""
        from requests import exceptions
        # A subclass comes before its base.
        reasons = {
            exceptions.ConnectTimeout: 'Connection Timeout Error: the server may be unreachable, or its address is wrong.',
            exceptions.SSLError: 'SSL Certificate Verification Failed: if the server has no valid certificate, '
                                 'select the parameter that trusts any certificate.',
            exceptions.ProxyError: 'Proxy Error: if the parameter that uses the system proxy is selected, try without it.',
            exceptions.ConnectionError: "Connection Error: verify that the server's address is correct and reachable from here.",
            exceptions.RetryError: 'Max Retries Error: the request was repeated as often as is allowed.'}
        try:
            return self._session.request(method, address, verify=self._verify, **options)
        except tuple(reasons) as error:
            reason = next(text for kind, text in reasons.items() if isinstance(error, kind))
            raise DemistoException(f'{reason}\nError Type: {type(error)}\nMessage: {error}', error) from error

    def _read(self, response: Any, resp_type: str) -> Any:
        if resp_type.lower() == 'xml':
            from xml.etree import ElementTree
            return ElementTree.fromstring(response.text)
        try:
            return _READERS.get(resp_type.lower(), _READERS['response'])(response)
        except ValueError as error:
            raise DemistoException(f'Failed to parse json object from response: {response.content!r}', error, response) from error
