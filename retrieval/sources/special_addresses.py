"""Addresses that are no machine of the public internet, and those where clouds keep their secrets.

The blocks are IANA's special-purpose registries (RFC 6890, as of 2025) and multicast, written out: what the standard
library calls global differs from one Python to the next, and none of them knows the addresses of cloud metadata.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SPECIAL_IPV4 = [
    ipaddress.IPv4Network(network)
    for network in """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
    """.split()
]
_SPECIAL_IPV6 = [  # within 2000::/3, which holds all that is global
    ipaddress.IPv6Network(network)
    for network in "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split()
]
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_EMBEDS_IPV4 = [ipaddress.IPv6Network(network) for network in ("::ffff:0:0/96", "::/96", "64:ff9b::/96")]
_TUNNELS = [ipaddress.IPv6Network(network) for network in ("2002::/16", "2001::/32", "64:ff9b:1::/48")]
_METADATA = frozenset(
    ipaddress.ip_address(address)
    # Azure, Oracle, Alibaba, Amazon, Google; the usual one, 169.254.169.254, is link-local.
    for address in ("168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254")
)


def is_public(address: Address) -> bool:
    """Return whether the address lies on the public internet, in none of its special-purpose blocks."""
    address = _meant(address)
    if address in _METADATA:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    return address in _GLOBAL_IPV6 and not any(address in network for network in _SPECIAL_IPV6)


def is_reachable(address: Address) -> bool:
    """Return whether an allowed host may have the address: a private or loopback one too, but none where clouds keep
    their secrets."""
    address = _meant(address)
    if address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA:
        return False
    return not any(address in tunnel for tunnel in _TUNNELS)


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, else the address itself."""
    if any(address in network for network in _EMBEDS_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
