"""One web page or file, fetched so that a web address can't be used to look into the site's own network.

Every address of a host, at every redirect, must be one of the public internet, and the connection goes to the very
address that was checked: there is no second look-up that could answer otherwise. See OWASP's "Server-Side
Request Forgery Prevention". The only place that imports httpcore2: its network backend is where this can be promised.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import httpcore2
import httpx2

from retrieval.errors import FetchFailed, FetchRefused, PageGone
from retrieval.reasons import gettext_noop as _
from retrieval.sources.special_addresses import is_public, is_reachable

REDIRECTS = 5
PORTS = frozenset({80, 443})
_STEP_SECONDS = 10.0  # without a byte
_PIECES = 10_000  # of one packed answer
_ADDRESSES = 4  # of one host, tried one after the other
_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

USER_AGENT = "Mozilla/5.0 (compatible; docchat)"

Resolve = Callable[[str, int], list[str]]
Asking = Callable[[str], Mapping[str, str]]


@dataclass(frozen=True)
class Fetched:
    """The answer of an address. `content` is None when the etag or date that was given says that it has not changed."""

    content: bytes | None
    content_type: str
    final_url: str
    etag: str
    last_modified: str
    robots: str = ""  # what its X-Robots-Tag says


@dataclass(frozen=True)
class FetchLimits:
    """`hosts`: names, each with or without a port, that may also have private addresses and, with one, that port."""

    max_bytes: int
    seconds: float = 20.0
    hosts: Collection[str] = field(default_factory=frozenset)


def fetch(
    url: str,
    *,
    limits: FetchLimits,
    etag: str = "",
    last_modified: str = "",
    of: str = "",
    resolve: Resolve | None = None,
    asking: Asking | None = None,
) -> Fetched:
    """GET `url`, following up to five redirects, all within `limits.seconds`.

    `etag` and `last_modified` are sent to the address that gave them alone: `of`, or else `url`. Where that redirects
    to another one by now, what is there is fetched anew.

    `asking` is called with each address before it is asked, and returns headers for it alone; what it raises ends the
    fetch, and what it waits doesn't count. Raises FetchRefused for an address that may not be asked or an answer over a
    limit, PageGone for 404 and 410, and FetchFailed when nothing useful comes back.
    """
    fetching = _Fetching(limits, resolve or look_up)
    asked = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    conditions = [(name, value) for name, value in asked.items() if value and value.isascii()]
    address = url
    try:
        for _redirect in range(REDIRECTS + 1):
            checked = check_address(address, limits.hosts)
            headers = fetching.before(asking, str(checked))
            of = of or str(checked)
            answer = fetching.get(checked, headers, conditions=conditions if str(checked) == of else [])
            if isinstance(answer, Fetched):
                return answer
            address = answer
    except httpcore2.TimeoutException as error:
        raise FetchFailed(
            _("It did not answer within %(seconds)s seconds."), seconds=round(limits.seconds, 1)
        ) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise FetchFailed(_("It could not be reached: %(fault)s."), fault=str(error) or type(error).__name__) from error
    raise FetchRefused(_("It redirects more than %(limit)s times."), limit=REDIRECTS)


def checked_addresses(url: str, *, limits: FetchLimits, resolve: Resolve | None = None) -> list[str]:
    """Return the addresses that the host of `url` has, for a program that connects to them by itself. Raises
    FetchRefused when it may not be asked, FetchFailed when it can't be looked up."""
    checked = check_address(url, limits.hosts)
    try:
        return _Fetching(limits, resolve or look_up).addresses(checked.host, _port(checked))[:_ADDRESSES]
    except httpcore2.TimeoutException as error:
        raise FetchFailed(
            _("There is no host %(host)s, or its name can't be looked up now."), host=checked.host
        ) from error


# ---- what may be asked -----------------------------------------------------------------------------------------------


def check_address(address: str, hosts: Collection[str]) -> httpx2.URL:
    """Return the address, checked as far as it can be before its host is looked up. Raises FetchRefused."""
    try:
        url = httpx2.URL(address.strip())
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise FetchRefused(_("It is no web address.")) from error
    if url.scheme not in ("http", "https"):
        raise FetchRefused(_("Only addresses that begin with http:// or https:// are fetched."))
    if not url.host or "%" in url.host:
        raise FetchRefused(_("It names no host."))
    if url.userinfo:
        raise FetchRefused(_("It holds a user name or a password: leave them out."))
    if _port(url) not in PORTS and f"{url.raw_host.decode()}:{_port(url)}" not in map(ascii_host, hosts):
        raise FetchRefused(
            _("Port %(port)s is not fetched from, only 80 and 443. FETCH_HOSTS may allow it."), port=str(_port(url))
        )
    return url.copy_with(fragment=None)


def _port(url: httpx2.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def ascii_host(name: str) -> str:
    """Return the name of a host, which may have a port behind it, as requests and look-ups have it: in lower case, and
    by IDNA where it has other letters. The form in which hosts are compared. What is no name stays as it is."""
    name = name.lower()
    if name.isascii():
        return name
    host, colon, port = name.partition(":")
    try:
        return httpx2.URL(scheme="http", host=host).raw_host.decode() + colon + port
    except httpx2.InvalidURL:
        return name


def is_among(hosts: Iterable[str], host: str, port: int) -> bool:
    """Return whether these names, each with or without a port, name this host."""
    return bool({host, f"{host}:{port}"} & {ascii_host(name) for name in hosts})


def look_up(host: str, port: int) -> list[str]:
    """Return all addresses of `host`, as the system gives them; it also reads forms like 2130706433 and 0x7f.1."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


# ---- one fetch -------------------------------------------------------------------------------------------------------


class _Fetching(httpcore2.NetworkBackend):
    """The network as one fetch may use it: connects to checked addresses only, and until its deadline."""

    def __init__(self, limits: FetchLimits, resolve: Resolve) -> None:
        self._limits = limits
        self._resolve = resolve
        self._deadline = time.monotonic() + limits.seconds
        self._system = httpcore2.SyncBackend()

    def before(self, asking: Asking | None, url: str) -> list[tuple[str, str]]:
        """Return the headers for this address alone."""
        began = time.monotonic()
        headers = asking(url).items() if asking else ()
        self._deadline += time.monotonic() - began
        return [*headers]

    def left(self, timeout: float | None = None) -> float:
        """Return the seconds that the next step may take. Raises ReadTimeout when there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return min(left, timeout or _STEP_SECONDS)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failed: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in self.addresses(host, port)[:_ADDRESSES]:
            try:
                return _Stream(self._system.connect_tcp(address, port, timeout=self.left(timeout)), self)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of the host. Raises FetchRefused when any of them is one that may not be asked."""
        host = ascii_host(host)
        allowed = is_reachable if is_among(self._limits.hosts, host, port) else is_public
        addresses = self._looked_up(host, port)
        for text in addresses:
            if not allowed(ipaddress.ip_address(text.partition("%")[0])):
                raise FetchRefused(
                    _(
                        "%(host)s has the address %(address)s, which is not public. FETCH_HOSTS names the hosts of "
                        "your own network that staff may fetch from."
                    ),
                    host=host,
                    address=text,
                )
        return addresses

    def _looked_up(self, host: str, port: int) -> list[str]:
        """Look the host up on a thread of its own, for the system's look-up knows no deadline. Raises FetchFailed."""
        found: list[str] = []
        failed: list[OSError | UnicodeError] = []

        def look() -> None:
            try:
                found.extend(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                failed.append(error)

        thread = threading.Thread(target=look, name="look-up", daemon=True)
        thread.start()
        thread.join(self.left())
        if thread.is_alive():
            raise httpcore2.ConnectTimeout
        if failed or not found:
            raise FetchFailed(_("There is no host %(host)s, or its name can't be looked up now."), host=host)
        return found

    def get(
        self, url: httpx2.URL, others: list[tuple[str, str]], *, conditions: list[tuple[str, str]]
    ) -> Fetched | str:
        """Return the answer, or where it redirects to."""
        headers = [
            ("Host", url.netloc.decode("ascii")),
            ("User-Agent", USER_AGENT),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip"),
            ("Connection", "close"),
            *conditions,
            *others,
        ]
        with (
            httpcore2.ConnectionPool(network_backend=self, max_keepalive_connections=0) as pool,
            pool.stream("GET", str(url), headers=headers) as response,
        ):
            answered = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status in _REDIRECT_STATUSES and answered.get("location"):
                return _joined(url, answered["location"])
            _check_status(response.status, known=bool(conditions))
            content = None if response.status == 304 else self._body(response, answered)
            return Fetched(
                content,
                answered.get("content-type", ""),
                str(url),
                answered.get("etag", ""),
                answered.get("last-modified", ""),
                answered.get("x-robots-tag", ""),
            )

    def _body(self, response: httpcore2.Response, headers: dict[str, str]) -> bytes:
        limit = self._limits.max_bytes
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > limit:
            raise FetchRefused(
                _("It is too large: it has %(size)s bytes, the limit is %(limit)s bytes."),
                size=int(length),
                limit=limit,
            )
        content = bytearray()
        with closing(response.iter_stream()) as stream:  # type: ignore[type-var]
            for part in _decoded(stream, encoding=headers.get("content-encoding", ""), limit=limit):
                content += part
                if len(content) > limit:
                    raise FetchRefused(_("It is too large: the limit is %(limit)s bytes."), limit=limit)
        return bytes(content)


class _Stream(httpcore2.NetworkStream):
    """A connection whose every step keeps to the fetch's deadline, so that one byte a second doesn't last for ever."""

    def __init__(self, stream: httpcore2.NetworkStream, fetching: _Fetching) -> None:
        self._stream = stream
        self._fetching = fetching

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._fetching.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._fetching.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *args: object, **kwargs: object) -> httpcore2.NetworkStream:
        kwargs["timeout"] = self._fetching.left()
        return _Stream(self._stream.start_tls(*args, **kwargs), self._fetching)  # type: ignore[arg-type]

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _joined(url: httpx2.URL, location: str) -> str:
    try:
        return str(url.join(location))
    except (httpx2.InvalidURL, ValueError) as error:
        raise FetchRefused(_("It redirects to something that is no web address.")) from error


def _check_status(status: int, *, known: bool) -> None:
    if status in (404, 410):
        raise PageGone(
            _("The web server says that there is nothing at this address (status %(status)s)."), status=status
        )
    if status in (401, 403, 407):
        raise FetchFailed(
            _("The web server asks who you are, or refuses (status %(status)s): download it and upload it."),
            status=status,
        )
    if status not in (200, 203) and not (status == 304 and known):  # that nobody asked for says nothing
        raise FetchFailed(_("The web server answered with status %(status)s: try again later."), status=status)


def _decoded(parts: Iterable[bytes], *, encoding: str, limit: int) -> Iterator[bytes]:
    """Yield the parts, gunzipped when they are packed; a part is never more than a byte over `limit`, which the caller
    refuses. Raises FetchFailed."""
    if encoding.lower() in ("", "identity"):
        yield from parts
        return
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise FetchFailed(
            _("It is sent packed in a way that was not asked for (%(encoding)s)."), encoding=encoding[:40]
        )
    yield from gunzipped(parts, limit=limit)


def gunzipped(parts: Iterable[bytes], *, limit: int) -> Iterator[bytes]:
    """Yield what is packed by gzip, in one piece or in several, one behind the other; a part is never more than a byte
    over `limit`, which the caller refuses. Raises FetchFailed for what is broken, or breaks off."""
    unpacking, pieces = zlib.decompressobj(wbits=31), 1
    try:
        for part in parts:
            yield unpacking.decompress(part, limit + 1)
            while unpacking.eof and (rest := unpacking.unused_data.lstrip(b"\0")) and pieces < _PIECES:
                unpacking, pieces = zlib.decompressobj(wbits=31), pieces + 1
                yield unpacking.decompress(rest, limit + 1)
    except zlib.error as error:
        raise FetchFailed(_("It is sent packed, and the packing is broken.")) from error
    if not unpacking.eof:
        raise FetchFailed(_("It broke off before its end."))
    if unpacking.unused_data.strip(b"\0"):
        raise FetchFailed(_("It is sent packed, and the packing is broken."))
