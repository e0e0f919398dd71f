"""What a site's robots.txt allows, as RFC 9309 says: the most specific group, the longest rule, with * and $.

`urllib.robotparser` knows neither wildcards nor that the longest rule counts, which most files rely on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

PRODUCT = "docchat"
ROBOTS_BYTES = 500 * 1024  # RFC 9309 asks for no less
_LONGEST_DELAY = 60.0  # seconds; a site that asks for more gets this
_RULES = 5_000
_SAFE = "/%:@!$&'()*+,;=~-._?"


@dataclass
class Robots:
    """The rules for this program: `allow` or not, by pattern; and the sitemaps that the file names."""

    rules: list[tuple[bool, str]] = field(default_factory=list)
    delay: float = 0.0  # seconds between requests
    sitemaps: list[str] = field(default_factory=list)

    def allows(self, url: str) -> bool:
        """Return whether the address may be fetched. Where an allowing and a forbidding rule are as long, it may."""
        parts = urlsplit(url)
        path = _plain((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        if path == "/robots.txt":
            return True
        fitting = [(len(pattern), allow) for allow, pattern in self.rules if _fits(pattern, path)]
        return max(fitting)[1] if fitting else True


def read_robots(text: str) -> Robots:
    """Return what the text of a robots.txt says to this program."""
    robots, groups = Robots(), {"*": Robots(), PRODUCT: Robots()}
    named: set[str] = set()
    agents: set[str] = set()  # those of the group that are meant for us
    is_open = False  # the line before named an agent: further ones belong to the same group
    for name, value in _lines(text):
        if name == "user-agent":
            agents = (agents if is_open else set()) | ({value.lower()} & groups.keys())
            named |= agents
            is_open = True
        elif name == "sitemap":
            robots.sitemaps.append(value)
        else:
            is_open = False
            for agent in agents:
                _add(groups[agent], name, value)
    group = groups[PRODUCT] if PRODUCT in named else groups["*"]
    robots.rules, robots.delay = group.rules, group.delay
    return robots


def _lines(text: str) -> Iterable[tuple[str, str]]:
    for line in text.lstrip("\ufeff").splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def _add(group: Robots, name: str, value: str) -> None:
    if name in ("allow", "disallow") and value and len(group.rules) < _RULES:
        group.rules.append((name == "allow", _plain(value)))
    elif name == "crawl-delay" and re.fullmatch(r"\d{1,6}(\.\d{1,3})?", value):
        group.delay = min(float(value), _LONGEST_DELAY)


def _plain(path: str) -> str:
    """Return the path with each sign percent-encoded or not, always in the same way."""
    return quote(unquote(path.replace("%2F", "%252F").replace("%2f", "%252F"), errors="replace"), safe=_SAFE)


def _fits(pattern: str, path: str) -> bool:
    """Return whether the path begins as the pattern says, or, with $ at its end, is all of it. Each piece between two
    stars is looked for once, so no pattern takes longer than the length of the path for each of its stars."""
    to_the_end = pattern.endswith("$")
    first, *pieces = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for number, piece in enumerate(pieces, start=1):
        last = to_the_end and number == len(pieces)
        found = path.rfind(piece, at) if last else path.find(piece, at)
        if found < 0 or (last and found + len(piece) != len(path)):
            return False
        at = found + len(piece)
    return not to_the_end or bool(pieces) or at == len(path)
