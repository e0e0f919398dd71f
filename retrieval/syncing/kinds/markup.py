"""What the head and the links of an HTML page say to a crawler. The text is a stranger's: each pattern is bounded, and
takes no longer than the page is long."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urljoin, urlsplit, urlunsplit

from retrieval.sources.web import ascii_host

LINKS = 500  # of a page
_WRITTEN = 10 * LINKS  # that are looked at, as they are written
ADDRESS_CHARACTERS = 2_000
_READ = 2_000_000  # bytes of a page
_TAG = re.compile(r"<(a|area|base|link|meta)\b([^<>]{0,4000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]{1,30})\s{0,5}=\s{0,5}(?:\"([^\"]{0,3000})\"|'([^']{0,3000})'|([^\s\"'>]{1,3000}))")
_UNREAD = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"), ("<template", "</template"))


@dataclass
class PageFacts:
    """The links of a page as absolute addresses, the address that it gives itself, and what it asks of crawlers."""

    links: list[str] = field(default_factory=list)
    canonical: str = ""
    noindex: bool = False
    nofollow: bool = False


def page_facts(content: bytes, *, url: str, robots: str = "") -> PageFacts:
    """Return what a page says; `url` is where it was fetched from, `robots` its X-Robots-Tag."""
    facts, base, links = PageFacts(), url, dict[tuple[str, str], None]()
    _obey(facts, _for_us(robots))
    for tag in _TAG.finditer(_read_part(content[:_READ].decode(errors="replace"))):
        name = tag[1].lower()
        said = {one[1].lower(): unescape(one[2] or one[3] or one[4] or "") for one in _ATTRIBUTE.finditer(tag[2])}
        relation = said.get("rel", "").lower().split()
        if name in ("a", "area") and "href" in said and "nofollow" not in relation:
            if len(links) < _WRITTEN:
                links[said["href"], base] = None
        elif name == "base" and base == url:
            base = joined(url, said.get("href", "")) or url
        elif name == "link" and "canonical" in relation and not facts.canonical:
            facts.canonical = joined(base, said.get("href", ""))
        elif name == "meta" and said.get("name", "").lower() in ("robots", "docchat"):
            _obey(facts, said.get("content", ""))
    if not facts.nofollow:
        found = (joined(base, link) for link, base in links)
        facts.links = list(dict.fromkeys(link for link in found if link))[:LINKS]
    return facts


def joined(base: str, link: str) -> str:
    """Return where a link leads, as its one address: without what follows #, with a host in the form that is compared,
    and no port that goes without saying. Empty for what is no web address."""
    try:
        parts = urlsplit(urljoin(base, link.strip()))
        host, port = ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        return ""
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{host}]" if ":" in host else host
    place = host if port in (None, usual) else f"{host}:{port}"
    address = urlunsplit((parts.scheme, place, _quoted(parts.path or "/"), _quoted(parts.query), ""))
    return address if len(address) <= ADDRESS_CHARACTERS else ""


def host_of(url: str) -> str:
    """Return the host of an address, with its port where that has to be said, in the one form that is compared."""
    return urlsplit(joined(url, "")).netloc


def _quoted(text: str) -> str:
    """Return the text with what may stand in no address percent-encoded."""
    return "".join(sign if "!" <= sign <= "~" and sign not in '"<>\\^`{|}' else _percent(sign) for sign in text)


def _percent(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode(errors="replace"))


def _for_us(header: str) -> str:
    """Return what of an X-Robots-Tag is said to all, or to this program: others are named before a colon."""
    said = []
    for part in header.split(","):
        agent, colon, rule = part.partition(":")
        if not colon or agent.strip().lower() in ("docchat", "*"):
            said.append(rule if colon else part)
    return ",".join(said)


def _obey(facts: PageFacts, rules: str) -> None:
    wanted = {rule.strip().lower() for rule in rules.split(",")}
    facts.noindex |= bool(wanted & {"noindex", "none"})
    facts.nofollow |= bool(wanted & {"nofollow", "none"})


def _read_part(text: str) -> str:
    """Return the text without comments, scripts and the like, in which tags are none."""
    lower, kept, at = text.lower(), list[str](), 0
    if len(lower) != len(text):  # a few letters get longer: then places would not fit
        lower = text
    openings = re.compile("|".join(re.escape(opening) for opening, _closing in _UNREAD))
    while found := openings.search(lower, at):
        kept.append(text[at : found.start()])
        end = lower.find(dict(_UNREAD)[found[0]], found.end())
        if end < 0:
            return "".join(kept)
        at = end + 3
    return "".join([*kept, text[at:]])
