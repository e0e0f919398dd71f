"""Why something could not be read, fetched or indexed, in the reader's language.

Reasons are made and kept in English: by the child that parses, in rows, logs and commands, where there is no reader. A
page that shows one looks it up here. A test keeps the list whole: it goes through the sentences that are raised.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.formats import get_format
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

REASONS = [
    _("It has no text."),
    _("It has no pages."),
    _("It has no slides."),
    _("Its pages hold no text."),
    _("Its file is gone: upload it again."),
    _("The file is empty."),
    _("It holds more than %(limit)s characters: split it."),
    _("It holds more than %(limit)s files."),
    _("It holds more than %(limit)s filled cells: split it."),
    _("A row of “%(sheet)s” has more than %(limit)s columns."),
    _("Unpacked it is larger than %(limit)s MB."),
    _("Unpacked it is more than %(limit)s times as large as it is."),
    _("It is protected by a password: save it without one."),
    _("It is protected by a password, or an old Office file: save it as a plain .%(ending)s."),
    _("It is protected (DRM): only an unprotected copy can be read."),
    _("The file is broken: it can't be read as a %(format)s."),
    _("The file is broken: “%(part)s” can't be read."),
    _("The file is broken: one of its parts is not well-formed XML."),
    _("The file is broken: it does not say where the book begins."),
    _("“.%(ending)s” files can't be read here. These can: %(endings)s."),
    _("It is named .%(ending)s, but its content is %(content)s."),
    _("It is named .eml, but it does not begin with the headers of a mail."),
    _("a PDF"),
    _("a zip archive"),
    _("a Word document"),
    _("a PowerPoint presentation"),
    _("an Excel workbook"),
    _("an OpenDocument text"),
    _("an EPUB book"),
    _("an old Office file"),
    _("a picture"),
    _("text"),
    _("binary data"),
    _("It is nested too deeply: more than %(limit)s levels are not read."),
    _("Line %(line)s is nested too deeply: more than %(limit)s levels are not read."),
    _("It is not JSON from line %(line)s, column %(column)s, on: %(fault)s."),
    _("Line %(line)s is not JSON, column %(column)s, on: %(fault)s."),
    _("Line %(line)s is broken: %(fault)s."),
    _(
        "It has no text, only images: install ocrmypdf and Tesseract on the server, or run OCR on it and "
        "upload the result."
    ),
    _("It has no text, only images, and OCR failed (status %(status)s): run OCR on it and upload the result."),
    _("It has no text, only images. ocrmypdf lacks a program it needs: install Tesseract on the server."),
    _("It has no text, only images, and ocrmypdf can't be run: %(fault)s."),
    _("The parser ended without an answer."),
    _("Reading it took longer than %(seconds)s seconds."),
    _(
        "Reading it stopped the parser (status %(status)s): it may be broken, or need more than %(memory)s MB "
        "or %(seconds)s seconds."
    ),
    _("It stopped the process that was reading it %(times)s times."),
    _("An unexpected error, which the server's log describes."),
    _("There is no page %(page)s of %(width)s pixels: its pages are drawn %(widths)s pixels wide."),
    _("Too many pages are being drawn: try again in a moment."),
    _("Its pages can't be drawn: the file may be broken, or need too much memory or time."),
    _("Drawing it took longer than %(seconds)s seconds."),
    _("The database did not answer."),
    _("The database did not take it: %(fault)s."),
    _("Only %(free)s MB are free in %(folder)s; %(wanted)s MB are needed: make room."),
    _("Asked for %(count)s embeddings, got %(got)s."),
    _("Embeddings have dimension %(found)s, expected %(wanted)s."),
    _("Embeddings hold values that are not finite numbers, or only zeros."),
    _("The embedding address doesn't answer: %(fault)s."),
    _("The embedding address refused the request (%(status)s)."),
    _("The embedding address didn't answer with embeddings."),
    _("fastembed knows no model %(model)s (EMBEDDING_MODEL)."),
    _("fastembed can't load %(model)s: %(fault)s"),
    _("EMBEDDING_MODEL is %(model)s, and fastembed isn't installed: pip install fastembed."),
    _("The installed weights are not the published %(model)s: their sha256 differs."),
    _("The graph of %(model)s can't be written: %(fault)s"),
    _("The embedded index failed: %(fault)s"),
    _("The embedded index could not be tidied: %(fault)s"),
    _("The folder of the embedded index can't be used: %(fault)s"),
    _(
        "Process %(owner)s owns the embedded index in %(folder)s. One process can: end that one, or set "
        "QDRANT_URL to a Qdrant server that several processes share."
    ),
    _(
        "The Qdrant collection %(name)s holds vectors of dimension %(found)s, not %(wanted)s: delete it, and "
        "it is built again."
    ),
    _("The Qdrant server answered %(status)s for the collection %(name)s (QDRANT_URL)."),
    _("The Qdrant server doesn't answer (QDRANT_URL)."),
    _("The Qdrant server has no collection %(name)s (QDRANT_URL): start the site again, and it is made and filled."),
    _(
        "The index was made with another embedding model (%(model)s) than the one that is configured: run "
        "“manage.py reindex”, or set EMBEDDING_BASE_URL and EMBEDDING_MODEL back."
    ),
    _(
        "The embedding address gives vectors of dimension %(found)s now, the index holds dimension "
        "%(wanted)s: run “manage.py reindex”, or set EMBEDDING_MODEL back."
    ),
    _(
        "The documents were indexed with %(model)s, but would be indexed with another model or version now: "
        "searches go on with it until “manage.py reindex” has built the new index. Or set EMBEDDING_BASE_URL "
        "and EMBEDDING_MODEL back."
    ),
    _(
        "The documents were indexed with %(model)s, but would be indexed with another model or version now: "
        "searches rank by words alone until “manage.py reindex” has built the new index. Or set "
        "EMBEDDING_BASE_URL and EMBEDDING_MODEL back."
    ),
    _("Searches have switched to the index %(name)s; the former one is removed soon."),
    _("%(what)s. It waits: %(fault)s"),
    _("%(what)s: %(done)s of %(total)s chunks"),
    _("Repairing the index"),
    _("Building the new index"),
    _("Another document of %(collection)s has the same content."),
    _(
        "Too much for your quota of %(limit)s: %(used)s are stored, and this has %(adding)s. Delete documents "
        "that are no longer needed, or ask for a larger USER_QUOTA_BYTES."
    ),
    _("No such collection: %(names)s."),
    _("No such document: %(names)s."),
    _("Unpacking it needs more than %(limit)s MB of memory: split it."),
    _("Unpacking it takes longer than %(seconds)s seconds: split it."),
    _("Unpacking took longer than %(seconds)s seconds: upload it by itself."),
    _("It is empty."),
    _("It has %(count)s members, the limit is %(limit)s: split it."),
    _("Unpacked it would have %(size)s MB, the limit is %(limit)s MB: split it."),
    _("It is broken: it can't be read as a zip archive."),
    _("It is broken: its content can't be unpacked."),
    _("It is a symbolic link, and those are not followed."),
    _("It is no ordinary file."),
    _("It is encrypted: pack it without a password."),
    _("It is an archive inside the archive: upload it by itself."),
    _("Of an unknown type. These are accepted: %(endings)s."),
    _("Too large: it has %(size)s bytes, the limit is %(limit)s bytes."),
    _("Too large: the limit is %(limit)s bytes."),
    _("It would grow to more than %(ratio)s times its packed size, as only bombs do."),
    _("Its name holds a NUL character."),
    _("Its name is an absolute path."),
    _("Its name leads out of the archive (“..”)."),
    _("Its name is longer than %(limit)s bytes."),
    _("This address is already there; “Refresh” fetches it again:"),
    _("It leads to an address that is already there:"),
    _("The same content is already there:"),
    _("It is of a type that can't be read here (%(type)s). These can: %(endings)s."),
    _("The web server's answer is empty."),
    _("Its address is longer than %(limit)s characters."),
    _("Another document of the collection holds what is there now: delete one of them."),
    _("It redirects more than %(limit)s times."),
    _("It redirects to something that is no web address."),
    _("It is no web address."),
    _("Only addresses that begin with http:// or https:// are fetched."),
    _("It names no host."),
    _("It holds a user name or a password: leave them out."),
    _("Port %(port)s is not fetched from, only 80 and 443. FETCH_HOSTS may allow it."),
    _(
        "%(host)s has the address %(address)s, which is not public. FETCH_HOSTS names the hosts of your own "
        "network that staff may fetch from."
    ),
    _("There is no host %(host)s, or its name can't be looked up now."),
    _("The web server says that there is nothing at this address (status %(status)s)."),
    _("The web server asks who you are, or refuses (status %(status)s): download it and upload it."),
    _("The web server answered with status %(status)s: try again later."),
    _("It did not answer within %(seconds)s seconds."),
    _("It could not be reached: %(fault)s."),
    _("It broke off before its end."),
    _("It is sent packed in a way that was not asked for (%(encoding)s)."),
    _("It is sent packed, and the packing is broken."),
    _("It is too large: it has %(size)s bytes, the limit is %(limit)s bytes."),
    _("It is too large: the limit is %(limit)s bytes."),
]
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")


def translated(reason: str) -> str:
    """`reason` in the language that is active; as it is when it is none of ours, such as what a library said."""
    if not reason or (get_language() or "en").startswith("en"):
        return reason
    for template, pattern in _patterns():
        if found := pattern.fullmatch(reason):
            return gettext(template) % {name: _value(value) for name, value in found.groupdict().items()}
    return reason


def _value(value: str) -> str:
    """A value of a sentence may be a sentence itself, or a number."""
    separator = str(get_format("THOUSAND_SEPARATOR"))
    return value.replace(",", separator) if _GROUPED.fullmatch(value) else translated(value)


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The plain sentences first, then those that say the most besides their values: the others might take them in."""
    ordered = sorted(REASONS, key=lambda template: (template.count("%("), -len(template)))
    return [(template, re.compile(_expression(template), re.DOTALL)) for template in ordered]


def _expression(template: str) -> str:
    parts = _PLACEHOLDER.split(template)  # text and names alternate
    return "".join(f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
