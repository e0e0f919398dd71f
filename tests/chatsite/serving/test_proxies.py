"""Where a request comes from: of what X-Forwarded-For says, only what believed proxies have added counts."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest

from chatsite.serving.proxies import client_address, counted_address, network_of


def request_from(peer: str, forwarded: str = "") -> HttpRequest:
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})
    return request


def test_without_a_proxy_nobody_is_believed() -> None:
    assert client_address(request_from("10.0.0.1", "203.0.113.9, 198.51.100.4")) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "203.0.113.9, 198.51.100.4", "198.51.100.4"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "198.51.100.4", "198.51.100.4"),  # a Unix socket
        ("10.0.0.1", "198.51.100.4:50123", "198.51.100.4"),
        ("10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "198.51.100.4, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.4,", "10.0.0.1"),
        ("10.0.0.1", "1," * 200_000 + "198.51.100.4", "198.51.100.4"),
    ],
)
def test_the_nearest_proxy_is_believed_behind_https(settings: Any, peer: str, forwarded: str, address: str) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert client_address(request_from(peer, forwarded)) == address


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "203.0.113.9, 198.51.100.4, 10.0.0.2", "198.51.100.4"),
        ("10.0.0.1", "203.0.113.9, 192.0.2.7, 10.0.0.2", "203.0.113.9"),
        ("::ffff:10.0.0.1", "198.51.100.4", "198.51.100.4"),
        ("198.51.100.4", "203.0.113.9", "198.51.100.4"),  # somebody who went around the proxies
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ],
)
def test_trusted_proxies_are_passed(settings: Any, peer: str, forwarded: str, address: str) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "192.0.2.7"]
    assert client_address(request_from(peer, forwarded)) == address


@pytest.mark.parametrize(
    ("address", "network", "counted"),
    [
        ("203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1:2::"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.9"),
        ("", "", ""),
    ],
)
def test_case_122_of_ipv6_the_network_is_counted(address: str, network: str, counted: str) -> None:
    assert network_of(address) == network
    assert counted_address(request_from(address)) == counted
