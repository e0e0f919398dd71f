"""What a tool returns becomes sources: named texts that an answer cites like passages of documents."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from urllib.parse import urlsplit

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model, QuerySet
from django.utils.text import capfirst

from retrieval.searching.passages import Passage
from retrieval.text.cleaning import clean

SOURCES_MOST = 10  # of one call
TEXT_MOST = 8_000  # characters of one source
TITLE_MOST = 120
URL_MOST = 500
DEPTH_MOST = 4  # of values in values
PREFIX = "tool:"  # of the content hash of what a tool gave, which is no document's
_HIDDEN = ("password", "secret", "token", "key", "hash")  # in names of fields of a row that no model is sent


@dataclass(frozen=True)
class Source:
    """A text with a name, as its reader sees it cited: "Your order 1234". `url` opens it, where the site shows it: a
    path of this site, or an http(s) address."""

    title: str
    text: str
    url: str = ""


class UnusableResult(TypeError):
    """A tool returned what is no text, value, row or source."""


def sources_of(value: object, *, title: str) -> list[Source]:
    """Return what a tool has returned as sources, at most SOURCES_MOST, each cut at TEXT_MOST characters; none for
    None. Those without a name of their own are called `title`. Raises UnusableResult."""
    if value is None or value == "":
        return []
    if isinstance(value, QuerySet):
        value = list(value[:SOURCES_MOST])
    several = isinstance(value, list | tuple) and any(isinstance(one, Source | Model) for one in value)
    parts: Iterable[object] = list(value)[:SOURCES_MOST] if several else [value]  # type: ignore[call-overload]
    found = [_source(part, title) for part in parts]
    return [source for source in found if source.text.strip()]


def _source(value: object, title: str) -> Source:
    match value:
        case Source():
            named = Source(str(value.title) or title, str(value.text), str(value.url))
        case AbstractBaseUser():
            raise UnusableResult("a tool returned a user; return what the answer needs of it, as text or a dict")
        case Model():
            url = getattr(value, "get_absolute_url", None)
            named = Source(str(value) or title, "\n\n".join(_row_lines(value)), str(url()) if url else "")
        case _:
            named = Source(title, "\n\n".join(_lines(value)))
    return Source(" ".join(clean(named.title).split())[:TITLE_MOST], clean(named.text)[:TEXT_MOST], _safe(named.url))


def _safe(url: str) -> str:
    """Return an address that may be a link: a path of this site, or http(s); else nothing."""
    if len(url) > URL_MOST or any(ord(sign) <= 32 or sign == "\\" for sign in url):
        return ""
    if url.startswith("/") and not url.startswith("//"):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname else ""


def _row_lines(row: Model) -> Iterator[str]:
    """Yield name and value of each field that is no relation and no secret."""
    for field in row._meta.concrete_fields:
        if field.is_relation or field.primary_key or any(word in field.name for word in _HIDDEN):
            continue
        shown = getattr(row, f"get_{field.name}_display", None)
        value = shown() if shown else getattr(row, field.attname)
        if value not in (None, ""):
            yield f"{capfirst(str(field.verbose_name))}: {value}"


def _lines(value: object, depth: int = 0) -> Iterator[str]:
    """Yield a value as paragraphs, one for each of its own, so that each can be quoted. Raises UnusableResult."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    indent = "  " * depth
    match value:
        case None:
            return
        case str() | int() | float():
            yield f"{indent}{value}"
        case Mapping() | list() | tuple() | set() | frozenset() if depth >= DEPTH_MOST:
            yield f"{indent}…"
        case Mapping():
            for key, one in value.items():
                yield from _named(capfirst(str(key).replace("_", " ")), one, depth)
        case list() | tuple() | set() | frozenset():
            for one in value:
                if isinstance(one, Model):
                    yield f"{indent}{one}"
                else:
                    yield from _lines(one, depth)
        case Model():
            yield f"{indent}{value}"
        case bytes() | type():
            raise UnusableResult(f"a tool returned {type(value).__name__}; return text, values, a row or Source(...)")
        case _ if type(value).__str__ is object.__str__:
            raise UnusableResult(f"a tool returned {type(value).__name__}; return text, values, a row or Source(...)")
        case _:  # a date, an amount, a lazy text
            yield f"{indent}{value}"


def _named(name: str, value: object, depth: int) -> Iterator[str]:
    lines = list(_lines(value, depth + 1))
    if len(lines) == 1 and not isinstance(value, Mapping | list | tuple | set | frozenset):
        yield f"{'  ' * depth}{name}: {lines[0].strip()}"
    elif lines:
        yield f"{'  ' * depth}{name}:"
        yield from lines


# ---- as passages -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class LookedUp(Passage):
    """A passage that a tool gave, told to its reader alone: of no document, with an address of the host's. `call` is
    the id of the HostToolCall."""

    call: str = ""


def looked_up(call: uuid.UUID, sources: Iterable[Mapping[str, str]]) -> list[LookedUp]:
    """Return what a call gave, as passages."""
    return [
        LookedUp(
            None,
            None,
            source["title"],
            section="",
            url=source["url"],
            page=None,
            start=0,
            end=len(source["text"]),
            text=source["text"],
            content_hash=_digest(call, number, source["text"]),
            call=str(call),
        )
        for number, source in enumerate(sources)
    ]


def _digest(call: uuid.UUID, number: int, text: str) -> str:
    said = f"{call} {number} {text}".encode(errors="surrogatepass")
    return f"{PREFIX}{hashlib.sha256(said).hexdigest()[:56]}"


def is_looked_up(content_hash: str) -> bool:
    """Say whether a passage or citation with this hash is of a tool, and of no document."""
    return content_hash.startswith(PREFIX)


def as_values(sources: Iterable[Source]) -> list[dict[str, str]]:
    """Return them as a row keeps them."""
    return [asdict(source) for source in sources]
