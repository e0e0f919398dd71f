"""Visits pages as a guest who is welcome again: asks robots.txt, leaves time between two requests of a host, and goes
away when a site doesn't answer.

Every request goes through `retrieval.sources.web`, which lets none reach the site's own network.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy

from retrieval.errors import FetchFailed, FetchRefused, PageGone, RetrievalError
from retrieval.reasons import gettext_noop as _
from retrieval.sources.addresses import filename_of
from retrieval.sources.web import Fetched, FetchLimits, check_address, fetch, gunzipped, is_among
from retrieval.syncing.declaring import EntryGone, EntryUnchanged, KnownEntry, SourceContent, SourceDown
from retrieval.syncing.kinds.markup import host_of, joined, page_facts
from retrieval.syncing.kinds.robots import ROBOTS_BYTES, Robots, read_robots

LISTING_BYTES = 50 * 1024**2  # of a sitemap or a feed, as sitemaps.org says
_PART = 64 * 1024
_FAILURES = 10  # one after the other, after which a site counts as down
_HOSTS = 50
_UNAVAILABLE = range(400, 500)  # no robots.txt: RFC 9309, 2.3.1.3
_BUSY = 429


class SiteVisitor:
    """Fetches for one run of the source at `home`. `wait` waits so many seconds, and raises when the run should end.
    When the host of `home` is down, the run ends; another one is left alone.

    What a site elsewhere names or redirects to is fetched as anybody could: tokens go to the host of `home` alone, and
    hosts of the own network are asked only where `home` is on one of them. Else that site would choose what of ours
    becomes a document.
    """

    def __init__(self, *, home: str, delay: float, wait: Callable[[float], None]) -> None:
        parts = urlsplit(joined(home, ""))
        self._home = parts.netloc
        port = parts.port or (443 if parts.scheme == "https" else 80)
        is_ours = is_among(settings.FETCH_HOSTS, parts.hostname or "", port)
        self._hosts = settings.FETCH_HOSTS if is_ours else frozenset[str]()
        self._delay = delay
        self._wait = wait
        self._asked_at: dict[str, float] = {}
        self._robots: dict[str, Robots] = {}
        self._failures: Counter[str] = Counter()  # of each host, one after the other

    def robots(self, url: str) -> Robots:
        """Return what the robots.txt of this address's site says. Raises FetchFailed when nobody can tell."""
        site = f"{urlsplit(url).scheme}://{host_of(url)}"
        if site not in self._robots:
            if len(self._robots) >= _HOSTS:
                self._robots.pop(next(iter(self._robots)))
            self._robots[site] = self._read_robots(site)
        return self._robots[site]

    def get(self, url: str, *, known: Mapping[str, Any] | None = None, max_bytes: int = 0) -> Fetched:
        """GET `url`; `known` may hold what `validators` returned. Raises FetchRefused, FetchFailed and PageGone;
        SourceDown when the site seems to be down."""
        known, host = known or {}, host_of(url)
        if self._failures[host] >= _FAILURES:
            raise FetchFailed(_("Its host has failed too often in this run."))
        limits = FetchLimits(max_bytes or settings.UPLOAD_MAX_BYTES, settings.FETCH_MAX_SECONDS, self._hosts)
        try:
            fetched = fetch(
                url,
                limits=limits,
                etag=str(known.get("etag", "")),
                last_modified=str(known.get("last_modified", "")),
                of=str(known.get("of", "")),
                asking=self._asking,
            )
        except (PageGone, FetchRefused):
            self._failures[host] = 0
            raise
        except FetchFailed as error:
            self._failures[host] += 1
            if self._failures[host] >= _FAILURES and host == self._home:
                count = self._failures[host]
                said = _("%(count)s requests have failed, one after the other, the last one so: %(reason)s")
                raise SourceDown(said, count=count, reason=error.reason) from error
            raise
        self._failures[host] = 0
        return fetched

    def _asking(self, url: str) -> Mapping[str, str]:
        robots = self.robots(url)
        if not robots.allows(url):
            raise FetchRefused(_("The site’s robots.txt doesn’t allow it."))
        self._pause(url, max(self._delay, robots.delay))
        return self._authorization(url)

    def _authorization(self, url: str) -> dict[str, str]:
        return authorization(url) if host_of(url) == self._home else {}

    def _pause(self, url: str, seconds: float) -> None:
        host = host_of(url)
        since = time.monotonic() - self._asked_at.get(host, float("-inf"))
        self._wait(max(0.0, seconds - since))
        self._asked_at[host] = time.monotonic()

    def _read_robots(self, site: str) -> Robots:
        limits = FetchLimits(ROBOTS_BYTES, settings.FETCH_MAX_SECONDS, self._hosts)
        try:
            fetched = fetch(f"{site}/robots.txt", limits=limits, asking=self._authorization)
        except FetchRefused:
            raise
        except FetchFailed as error:
            status = error.reason.values.get("status", 0)
            if status in _UNAVAILABLE and status != _BUSY:
                return Robots()
            kind = SourceDown if host_of(site) == self._home else FetchFailed
            said = _("Its robots.txt can’t be read, so nothing is fetched: %(reason)s")
            raise kind(said, reason=error.reason) from error
        return read_robots((fetched.content or b"").decode(errors="replace"))


def authorization(url: str) -> dict[str, str]:
    """Return the header that `SOURCE_TOKENS` has for addresses that begin so."""
    if "/.." in url or "%2e" in url.lower():  # which a server may take to lead out of where the address begins
        return {}
    url = joined(url, "")
    for prefix, value in settings.SOURCE_TOKENS.items():
        begin = joined(prefix, "")
        if begin and (url == begin or url.startswith(begin.rstrip("/") + "/")):
            return {"Authorization": str(value)}
    return {}


def validators(fetched: Fetched) -> dict[str, str]:
    """Return what to ask with the next time, for an entry's memory."""
    found = {"etag": fetched.etag[:300], "last_modified": fetched.last_modified[:100]}
    told = {name: value for name, value in found.items() if value}
    return told | {"of": fetched.final_url} if told else {}


def read_page(visitor: SiteVisitor, url: str, *, known: KnownEntry | None, title: str = "") -> SourceContent:
    """Return a page as an entry's content. Raises what `SourceEntry.read` may, and SourceDown."""
    try:
        fetched = visitor.get(url, known=known.memory if known else None)
        if fetched.content is None:
            raise EntryUnchanged
        filename = filename_of(fetched)
    except PageGone as gone:
        raise EntryGone(gone.reason) from gone
    if filename.endswith((".html", ".htm", ".xhtml")):
        check_indexable(fetched)
    return SourceContent(fetched.content, filename, title=title, url=fetched.final_url, memory=validators(fetched))


def check_indexable(fetched: Fetched) -> None:
    """Raise EntryGone for a page whose owner wants it in no index."""
    if page_facts(fetched.content or b"", url=fetched.final_url, robots=fetched.robots).noindex:
        raise EntryGone(_("The page asks to be in no index (noindex)."))


def unpacked(content: bytes) -> bytes:
    """Return a listing without its gzip packing, whatever its headers say. Raises FetchRefused for a bomb, FetchFailed
    for what is broken."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    plain = bytearray()
    for part in gunzipped((content[at : at + _PART] for at in range(0, len(content), _PART)), limit=LISTING_BYTES):
        plain += part
        if len(plain) > LISTING_BYTES:
            raise FetchRefused(_("It is too large: the limit is %(limit)s bytes."), limit=LISTING_BYTES)
    return bytes(plain)


class WebForm(forms.Form):
    """What sources on the web are asked for."""

    url = forms.CharField(
        label=gettext_lazy("Address"), max_length=2_000, widget=forms.URLInput(attrs={"class": "vTextField"})
    )
    delay = forms.FloatField(
        label=gettext_lazy("Seconds between two requests"),
        initial=1,
        min_value=0,
        max_value=60,
        help_text=gettext_lazy("What the site’s robots.txt asks for counts, where that is more."),
    )

    def clean_url(self) -> str:
        """Return the address. Whether its host may be asked is looked at again with each request."""
        try:
            return str(check_address(self.cleaned_data["url"], settings.FETCH_HOSTS))
        except RetrievalError as error:
            raise forms.ValidationError(error.reason.message()) from error
