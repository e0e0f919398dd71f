"""Which addresses lie on the public internet: the first and last of each special-purpose block, and those beside it."""

from __future__ import annotations

import ipaddress

import pytest

from retrieval.sources.special_addresses import is_public, is_reachable


@pytest.mark.parametrize(
    "text",
    """1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 168.63.129.15 168.63.129.17 169.253.255.255
    172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 198.17.255.255 198.20.0.0 223.255.255.255
    2001:200:: 2606:4700:4700::1111 2a00:: ::ffff:8.8.8.8 64:ff9b::808:808 ::8.8.8.8""".split(),
)
def test_public_addresses(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    """0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.0
    169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.9 192.0.0.192 192.0.0.255 192.0.2.1 192.31.196.1
    192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
    239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 ::ffff:168.63.129.16 ::10.0.0.1 64:ff9b::a00:1
    64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:1::1 2001:2::1 2001:4:112::1 2001:20::1 2001:1ff:: 2001:db8::1
    2002:a00:1:: 2620:4f:8000::1 3fff::1 3fff:fff:: 4000:: 5f00::1 fc00::1 fd00:ec2::254 fe80::1 ff02::1""".split(),
)
def test_case_134_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


METADATA = "168.63.129.16 192.0.0.192 100.100.100.200 169.254.169.254 fd00:ec2::254 fd20:ce::254 ::ffff:168.63.129.16"


@pytest.mark.parametrize("text", METADATA.split())
def test_case_134_metadata_of_clouds_is_out_of_reach_even_for_an_allowed_host(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    assert not is_reachable(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["10.0.0.7", "127.0.0.1", "192.168.1.1", "fd00::1", "::1", "8.8.8.8"])
def test_allowed_host_may_be_a_private_machine(text: str) -> None:
    assert is_reachable(ipaddress.ip_address(text))
