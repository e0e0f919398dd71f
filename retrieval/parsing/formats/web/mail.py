"""Mail: who wrote what to whom and when, the text they read, and the names of what was attached."""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted, clean, plausible_date
from retrieval.parsing.formats.plain.encodings import decode
from retrieval.parsing.formats.web.html import read_html_into
from retrieval.reasons import gettext_noop as _

_HEADER_LINE = re.compile(rb"\s{0,200}(?:From |[A-Za-z][A-Za-z0-9-]{0,60}:)")
_SHOWN = ("From", "To", "Cc", "Date")


def read_mail(path: Path) -> Extracted:
    content = path.read_bytes()
    if not _HEADER_LINE.match(content):
        raise ParsingError(_("It is named .eml, but it does not begin with the headers of a mail."))
    message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(content.lstrip())
    blocks = Blocks()
    blocks.add(_header(message, "Subject"), level=1)
    for number, name in enumerate(name for name in _SHOWN if _header(message, name)):
        blocks.add(f"{name}: {_header(message, name)}", close=number > 0)
    _add_body(blocks, message)
    if names := _attachments(message):
        blocks.add(f"Attachments: {', '.join(names)}")
    return blocks.extracted(dated=_dated(message))


def _header(message: EmailMessage, name: str) -> str:
    """Return the header as it reads when decoded, or as it stands in the file when it is broken.

    The standard library's parser of structured headers raises whatever its code meets on some broken ones
    (python/cpython#81776 and others).
    """
    try:
        value = str(message[name] or "")
    except (ValueError, LookupError, AttributeError, TypeError):
        value = next((str(raw) for key, raw in message.raw_items() if key.lower() == name.lower()), "")
    return " ".join(clean(value).split())[:2_000]


def _dated(message: EmailMessage) -> str:
    try:
        moment = getattr(message["Date"], "datetime", None)
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""
    return plausible_date(moment.isoformat()) if moment else ""


def _add_body(blocks: Blocks, message: EmailMessage) -> None:
    """Append the plain text if there is one, else what a browser would show of the HTML."""
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return
    raw = body.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    declared = body.get_content_charset()
    try:
        text = content.decode(declared) if declared else decode(content)
    except (LookupError, UnicodeDecodeError):  # a charset that doesn't exist, or not the one it is written in
        text = decode(content)
    if body.get_content_subtype() == "html":
        read_html_into(blocks, text)
    else:
        blocks.add(text)


def _attachments(message: EmailMessage) -> list[str]:
    """Return the file names of what is attached; of a mail that is attached, its subject."""
    names = []
    for part in message.walk():
        if part.get_content_type() == "message/rfc822" and part is not message:
            inner = next(part.iter_parts(), None) if isinstance(part, EmailMessage) else None
            names.append(_header(inner, "Subject") if isinstance(inner, EmailMessage) else "")
        else:
            names.append(part.get_filename() or "")
    return [" ".join(clean(name).split())[:255] for name in names if name.strip()]
