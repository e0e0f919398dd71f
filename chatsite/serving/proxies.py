"""Where a request comes from, as far as the proxies in front of the site are believed.

Anybody can write X-Forwarded-For, and each proxy adds the address it was asked from. So the list is read from its end:
past every proxy that is believed, to the first address that no such proxy has.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

_HOPS_MOST = 20  # of X-Forwarded-For; no site stands behind more proxies

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(request: HttpRequest) -> str:
    """Return the address that a request comes from: for sign-in, embedded sites and fair shares alike.

    The nearest proxy is believed where the site says that it stands behind one (HTTPS, or SECURE_PROXY_SSL_HEADER in a
    project of your own), and each of TRUSTED_PROXIES is.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    believed = bool(settings.SECURE_PROXY_SSL_HEADER) or _is_trusted(address)
    for hop in _forwarded(request):
        if not believed or not (hop_address := _address(hop)):
            break
        address = hop_address
        believed = _is_trusted(address)
    return address


def network_of(address: str) -> str:
    """Return what of an address is counted: one person is given 2**64 addresses of IPv6 at once, so its /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))


def counted_address(request: HttpRequest) -> str:
    """Return the address by which a request is counted where addresses are stored (AXES_CLIENT_IP_CALLABLE): an IPv6
    one stands for its /64."""
    return network_of(client_address(request)).partition("/")[0]


def _forwarded(request: HttpRequest) -> Sequence[str]:
    """Return what X-Forwarded-For lists, the nearest first."""
    hops = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rsplit(",", _HOPS_MOST)[-_HOPS_MOST:]
    return hops[::-1]


def _address(hop: str) -> str:
    """Return the address of one entry, which may have a port; empty where it is none."""
    hop = hop.strip()
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(hop))
    except ValueError:
        return ""


def _is_trusted(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket has none
        return False
    if parsed.version == 6 and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache
def networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks of these names, like 10.0.0.0/8 or 192.0.2.7. Raises ValueError for one that is none."""
    return tuple(ipaddress.ip_network(name.strip()) for name in names)
