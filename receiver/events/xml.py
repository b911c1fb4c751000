"""XML as the members of an object."""
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring

from receiver.events.tree import CutText

MAX_XML_DEPTH = 32


def xml_members(text: str) -> dict[str, Any] | None:
    """Return an XML document as the members of an object, or None if the text is no whole document, or too deep.

    Return {} if it has a DOCTYPE: that could define entities of any size, so the document is not read.
    """
    if '<!DOCTYPE' in text and text.lstrip('\ufeff \t\r\n').startswith('<'):  # also behind a byte order mark
        return {}
    try:
        return xml_object([fromstring(text)])
    except (ParseError, RecursionError) as error:
        error.__traceback__ = None  # its frames refer to the error: that cycle would keep the body in memory
        return None


def xml_object(elements: Iterable[Any], depth: int = 0) -> dict[str, Any]:
    """Return elements as the members of an object, each a text or an object: `<a><b>c</b></a>` -> {'a': {'b': 'c'}}.

    Of several with one name, the first counts, and something is in doubt. Raise RecursionError if they are too deep.
    """
    members: dict[str, Any] = {}
    for element in elements:
        if depth >= MAX_XML_DEPTH:
            raise RecursionError
        key, value = element.tag.rpartition('}')[2], xml_object(element, depth + 1) or element.text or ''
        first = members.setdefault(key, value)
        if first != value:
            members.update({key: CutText(first)} if isinstance(first, str) else {'': CutText()})
    return members
