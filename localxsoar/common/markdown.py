"""Tables in Markdown."""
import re
from typing import Any

from localxsoar.common.dates import timestamp_to_datestring


def stringEscapeMD(st: str, minimal_escaping: bool = False, escape_multiline: bool = False) -> str:
    """Return a text whose characters that Markdown interprets are escaped; only the bar if `minimal_escaping` is true."""
    if escape_multiline:
        st = st.replace('\r\n', '<br>').replace('\r', '<br>').replace('\n', '<br>')
    return re.sub(r'(\|)' if minimal_escaping else r'([\\`*_{}[\]()#+\-!|])', r'\\\1', st)


def formatCell(data: Any, is_pretty: bool = True, json_transform: Any = None) -> str:
    """Return a value as it is shown in a cell: items of a list after commas, pairs of a dict on lines of their own."""
    if isinstance(data, dict):
        return '\n'.join(f'{key}: {formatCell(value, is_pretty)}' for key, value in data.items())
    if isinstance(data, (list, tuple, set)):
        return ',\n'.join(formatCell(item, is_pretty) for item in data)
    return '' if data is None else str(data)


def create_clickable_url(url: Any, text: Any = None) -> Any:
    """Return an address, or each address of a list, as a link in Markdown."""
    if isinstance(url, list):
        texts = text if isinstance(text, list) else url
        return [f'[{name}]({address})' for name, address in zip(texts, url)]  # noqa: B905
    return f'[{text or url}]({url})' if url else None


def _as_rows(t: Any, headers: Any) -> list[dict[str, Any]]:
    """Return the rows of a table; items that are not dicts fill one column."""
    items = list(t) if isinstance(t, (list, tuple)) else [t] if t else []
    column = headers[0] if isinstance(headers, list) and headers else headers if isinstance(headers, str) else ''
    return [item if isinstance(item, dict) else {column: item} for item in items]


def _cell(row: dict[str, Any], header: str, url_keys: Any, date_fields: Any) -> str:
    """Return one cell of a table on one line, as a link or a date if its header says so."""
    value = row.get(header)
    if header in (date_fields or ()) and str(value or '').isdigit():
        value = timestamp_to_datestring(value, '%Y-%m-%d %H:%M:%S')
    if header in (url_keys or ()) and value:
        value = create_clickable_url(value)
    return stringEscapeMD(formatCell(value), minimal_escaping=True, escape_multiline=True)


def tableToMarkdown(name: str, t: Any, headers: Any = None, headerTransform: Any = None, removeNull: bool = False,
                    metadata: Any = None, url_keys: Any = None, date_fields: Any = None, json_transform_mapping: Any = None,
                    is_auto_json_transform: bool = False, sort_headers: bool = True) -> str:
    """Return a table of a dict or of a list of dicts, under a title.

    The columns are `headers`, or else the keys of the first row, sorted unless `sort_headers` is false. `headerTransform`
    makes a column's title from its key; `removeNull` leaves out columns without values.
    """
    rows = _as_rows(t, headers)
    columns = [headers] if headers and isinstance(headers, str) else list(headers or (rows and rows[0]) or [])
    if not headers and sort_headers:
        columns.sort()
    if removeNull:
        columns = [column for column in columns if any(row.get(column) not in ('', None, [], {}) for row in rows)]
    parts = [f'### {name}', *([metadata] if metadata else [])]
    if not rows or not columns:
        return '\n'.join([*parts, '**No entries.**', ''])
    titles = [(headerTransform or str)(column) for column in columns]
    parts += [f"|{'|'.join(titles)}|", f"|{'|'.join(['---'] * len(titles))}|"]
    parts += [f"| {' | '.join(_cell(row, column, url_keys, date_fields) for column in columns)} |" for row in rows]
    return '\n'.join([*parts, ''])


tblToMd = tableToMarkdown
