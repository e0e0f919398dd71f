"""XFA: forms that no reader but Adobe's shows. Their pages say so; what is filled in stands in a part of XML."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import clean

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_PACKETS_LIMIT = 100
_BYTES_LIMIT = 16 * 1024**2
_VALUES_LIMIT = 5_000
_XFA_DATA = "http://www.xfa.org/schema/xfa-data/1.0/"


def is_xfa(document: PdfDocument) -> bool:
    """Return whether the document is a form whose pages are made by XFA alone."""
    from pypdfium2 import raw

    return bool(raw.FPDF_GetFormType(document) == raw.FORMTYPE_XFA_FULL)


def xfa_lines(document: PdfDocument) -> list[str]:
    """Return a line for each value in its data, with the name of its field."""
    from pypdfium2 import raw

    for index in range(min(raw.FPDF_GetXFAPacketCount(document), _PACKETS_LIMIT)):
        if _name(document, index) == "datasets":
            return [*_values(_content(document, index))]
    return []


def _name(document: PdfDocument, index: int) -> str:
    from pypdfium2 import raw

    name = (ctypes.c_char * 64)()
    size = raw.FPDF_GetXFAPacketName(document, index, name, 64)
    return name.value.decode(errors="replace") if 0 < size <= 64 else ""


def _content(document: PdfDocument, index: int) -> bytes:
    from pypdfium2 import raw

    size = ctypes.c_ulong()
    if not raw.FPDF_GetXFAPacketContent(document, index, None, 0, size) or not 0 < size.value <= _BYTES_LIMIT:
        return b""
    content = (ctypes.c_char * size.value)()
    raw.FPDF_GetXFAPacketContent(document, index, content, size.value, size)
    return bytes(content)


def _values(content: bytes) -> Iterator[str]:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return
    data = root.find(f"{{{_XFA_DATA}}}data") if root is not None else None
    count = 0
    for element in data.iter() if data is not None else ():
        value = clean(element.text or "").strip() if len(element) == 0 and isinstance(element.tag, str) else ""
        if value and count < _VALUES_LIMIT:
            count += 1
            yield f"{etree.QName(element).localname}: {value}"
