"""Arguments and parameters, which arrive as text, and small helpers for lists, dicts and text."""
import base64
import re
from collections.abc import Iterator
from typing import Any

from localxsoar.common.base import _dumps, _loads

_TRUE_TEXTS = ('true', 'yes', 'y', 't', 'on', '1')
_FALSE_TEXTS = ('false', 'no', 'n', 'f', 'off', '0')


def argToList(arg: Any, separator: str = ',', transform: Any = None) -> list[Any]:
    """Return a list from a list, a list as JSON text, or text with separators. An empty value gives an empty list."""
    if not arg:
        return []
    if isinstance(arg, list):
        items = arg
    elif isinstance(arg, str):
        items = _loads(arg) if re.fullmatch(r'\s*\[.*\]\s*', arg, re.DOTALL) else [s.strip() for s in arg.split(separator)]
    else:
        items = [arg]
    return [transform(item) for item in items] if transform else items


def argToBoolean(value: Any) -> bool:
    """Return a boolean from a boolean or one of the usual words. Raise ValueError for anything else."""
    if isinstance(value, bool):
        return value
    text = value.lower() if isinstance(value, str) else None
    if text in _TRUE_TEXTS:
        return True
    if text in _FALSE_TEXTS:
        return False
    raise ValueError(f'Argument does not contain a valid boolean-like value: {value!r}')


def arg_to_number(arg: Any, arg_name: Any = None, required: bool = False) -> Any:
    """Return an int from text or a number, or None if it is missing and not required. Raise ValueError for others."""
    if arg is None or arg == '':
        if required:
            raise ValueError(f'Missing "{arg_name}"' if arg_name else 'Missing a required argument')
        return None
    text = str(arg).strip()
    try:
        return int(text) if text.isdigit() else int(float(text))
    except (ValueError, OverflowError):
        name = f'"{arg_name}"="{arg}"' if arg_name else f'"{arg}"'
        raise ValueError(f'Invalid number: {name}') from None


def assign_params(keys_to_ignore: Any = None, values_to_ignore: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Return the keyword arguments whose values are not empty: not None, '', [], {} or ()."""
    ignored = (None, '', [], {}, ()) if values_to_ignore is None else tuple(values_to_ignore)
    return {key: value for key, value in kwargs.items() if value not in ignored and key not in (keys_to_ignore or ())}


def remove_nulls_from_dictionary(data: dict[str, Any]) -> None:
    """Delete the keys with an empty value from a dict."""
    for key in [key for key, value in data.items() if value in ('', None, [], {}, ())]:
        del data[key]


def remove_empty_elements(d: Any) -> Any:
    """Return a copy of nested dicts and lists without None and without empty dicts, lists and texts."""
    if isinstance(d, dict):
        pairs = ((key, remove_empty_elements(value)) for key, value in d.items())
        return {key: value for key, value in pairs if value is not None and value not in ('', [], {})}
    if isinstance(d, list):
        return [value for value in map(remove_empty_elements, d) if value is not None and value not in ('', [], {})]
    return d


def dict_safe_get(dict_object: Any, keys: Any, default_return_value: Any = None, return_type: Any = None,
                  raise_return_type: bool = True) -> Any:
    """Return the value under a path of keys, or the default where a key is missing."""
    value = dict_object
    for key in keys if isinstance(keys, (list, tuple)) else [keys]:
        try:
            value = value[key]
        except (KeyError, TypeError, IndexError, AttributeError):
            return default_return_value
    if return_type and not isinstance(value, return_type):
        if raise_return_type:
            raise TypeError(f'Expected {return_type}, not {type(value)}.')
        return default_return_value
    return value


def batch(iterable: Any, batch_size: int = 1) -> Iterator[Any]:
    """Yield the items in slices of at most `batch_size`."""
    for start in range(0, len(iterable), batch_size):
        yield iterable[start:start + batch_size]


def safe_load_json(json_object: Any) -> Any:
    """Return the JSON in a text; anything that is not text is returned as it is. Raise ValueError if it is not JSON."""
    return _loads(json_object) if isinstance(json_object, (str, bytes)) else json_object


def urljoin(url: str, suffix: str = '') -> str:
    """Return an address and a path, joined by exactly one slash."""
    return f"{url if url.endswith('/') else url + '/'}{suffix[1:] if suffix.startswith('/') else suffix}"


def string_to_table_header(string: str) -> str:
    """Return the header for a name with underscores: `alert_id` becomes `Alert Id`."""
    if not isinstance(string, str):
        raise Exception(f'The key is not a string: {string}')
    return ' '.join(word.capitalize() for word in string.replace('_', ' ').split())


def string_to_context_key(string: str) -> str:
    """Return the context key for a name with underscores: `alert_id` becomes `AlertId`."""
    return string_to_table_header(string).replace(' ', '')


def underscoreToCamelCase(s: Any, upper_camel: bool = True) -> Any:
    """Return a name with underscores in camel case, with a capital first letter if `upper_camel` is true."""
    if not isinstance(s, str):
        return s
    words = [word.capitalize() for word in s.split('_')]
    return ''.join(words if upper_camel else [words[0].lower(), *words[1:]])


def pascalToSpace(s: Any) -> Any:
    """Return a name in Pascal case with spaces between its words: `AlertId` becomes `Alert Id`."""
    if not isinstance(s, str):
        return s
    return ' '.join(word.capitalize() if not word.isupper() else word for word in
                    re.findall(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+', s)) or s


def camelize_string(src_str: str, delim: str = '_', upper_camel: bool = True) -> str:
    """Return a name in camel case, from words between delimiters."""
    words = [word.capitalize() for word in src_str.split(delim)]
    return ''.join(words if upper_camel else [words[0].lower(), *words[1:]])


def camelize(src: Any, delim: str = ' ', upper_camel: bool = True) -> Any:
    """Return a dict, or each dict of a list, with its keys in camel case."""
    if isinstance(src, list):
        return [camelize(item, delim, upper_camel) for item in src]
    return {camelize_string(key, delim, upper_camel): value for key, value in src.items()} if isinstance(src, dict) else src


def snakify(src: Any) -> Any:
    """Return a dict, or each dict of a list, with its keys in snake case."""
    if isinstance(src, list):
        return [snakify(item) for item in src]
    return {re.sub(r'(?<!^)(?=[A-Z])', '_', key).lower(): value for key, value in src.items()}


def createContextSingle(obj: Any, id: Any = None, keyTransform: Any = None, removeNull: bool = False) -> dict[str, Any]:
    """Return a flat object in context form: an `ID`, and keys changed by `keyTransform`; dots of a key nest."""
    result: dict[str, Any] = {'ID': id} if id else {}
    for key, value in obj.items():
        if removeNull and value in ('', None, [], {}):
            continue
        *folders, name = (keyTransform or str)(key).split('.')
        place = result
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return result


def createContext(data: Any, id: Any = None, keyTransform: Any = None, removeNull: bool = False) -> Any:
    """Return one object, or each object of a list, in context form."""
    if isinstance(data, (list, tuple)):
        return [createContextSingle(item, id, keyTransform, removeNull) for item in data]
    return createContextSingle(data, id, keyTransform, removeNull)


def b64_encode(text: Any) -> str:
    """Return a text, or bytes, in base64."""
    return base64.b64encode(text if isinstance(text, bytes) else str(text).encode()).decode() if text else ''


def comma_separated_mapping_to_dict(raw_text: Any) -> dict[str, str]:
    """Return `a=b,c=d` as a dict."""
    return {name.strip(): value.strip() for name, _, value in (pair.partition('=') for pair in argToList(raw_text))}


def stringify_json(value: Any) -> str:
    """Return a value as text: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else _dumps(value, default=str)
