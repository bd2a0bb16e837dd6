"""Which addresses Launcher requests: never those where something answers that is not an app."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.fetching.addresses import (
    NEVER_V4,
    NEVER_V6,
    PRIVATE_V4,
    PRIVATE_V6,
    AddressRules,
    Reach,
    reach_of,
)
from launcher.fetching.problems import Problem

ANYWHERE = AddressRules(allow_private=True)
PUBLIC_ONLY = AddressRules(allow_private=False)


def embeddings(inside: IPv4Address, other: IPv4Address) -> list[str]:
    """Every way in which an IPv6 address stands for `inside`."""
    low = int(inside)
    numbers = [
        0xFFFF << 32 | low,  # mapped
        0xFFFF << 48 | low,  # translated
        0x64FF9B << 96 | low,  # NAT64
        0x64FF9B0001 << 80 | int(other) << 32 | low,  # NAT64 for local use
        0x2002 << 112 | low << 80 | int(other),  # 6to4
        0x20010000 << 96 | int(other) << 64 | (~low & 0xFFFFFFFF),  # Teredo
        0x20010000 << 96 | low << 64 | int(other),  # its server
    ]
    if low > 1:
        numbers.append(low)  # compatible
    return [str(IPv6Address(number)) for number in numbers]


def within(networks: tuple[IPv4Network, ...]) -> st.SearchStrategy[IPv4Address]:
    return st.sampled_from(networks).flatmap(
        lambda network: st.integers(0, network.num_addresses - 1).map(
            lambda number: network.network_address + number
        )
    )


def within_v6(networks: tuple[IPv6Network, ...]) -> st.SearchStrategy[IPv6Address]:
    return st.sampled_from(networks).flatmap(
        lambda network: st.integers(0, network.num_addresses - 1).map(
            lambda number: network.network_address + number
        )
    )


@given(within(NEVER_V4), st.ip_addresses(v=4))
def test_a_forbidden_address_is_refused_in_every_form(
    address: IPv4Address, other: IPv4Address
) -> None:
    for text in (str(address), *embeddings(address, other)):
        assert ANYWHERE.problem_of(text, 80) is Problem.REFUSED_ADDRESS, text


@given(within(PRIVATE_V4), st.ip_addresses(v=4))
def test_a_private_address_is_refused_in_every_form_while_that_is_off(
    address: IPv4Address, other: IPv4Address
) -> None:
    for text in (str(address), *embeddings(address, other)):
        assert PUBLIC_ONLY.problem_of(text, 80) is not None, text


@given(
    within_v6(
        (
            *NEVER_V6,
            *(
                IPv6Network(each)
                for each in (
                    "fe80::/10",
                    "fec0::/10",
                    "ff00::/8",
                    "::/128",
                    "100::/64",
                    "5f00::/16",
                )
            ),
        )
    )
)
def test_forbidden_addresses_of_ipv6_are_refused(address: IPv6Address) -> None:
    if address not in IPv6Network("2001::/32"):  # judged by what is inside
        assert reach_of(str(address)) is Reach.NEVER
        assert reach_of(f"{address}%eth0") is Reach.NEVER


@given(within_v6(PRIVATE_V6))
def test_private_addresses_of_ipv6_are_left_to_the_setting(address: IPv6Address) -> None:
    assert PUBLIC_ONLY.problem_of(str(address), 80) is not None


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("1.1.1.1", Reach.PUBLIC),
        ("172.15.255.255", Reach.PUBLIC),
        ("172.32.0.0", Reach.PUBLIC),
        ("2606:4700:4700::1111", Reach.PUBLIC),
        ("64:ff9b::101:101", Reach.PUBLIC),
        ("192.168.1.10", Reach.PRIVATE),
        ("::ffff:192.168.1.10", Reach.PRIVATE),
        ("100.101.102.103", Reach.PRIVATE),
        ("127.0.0.1", Reach.PRIVATE),
        ("::1", Reach.PRIVATE),
        ("::ffff:127.0.0.1", Reach.PRIVATE),
        ("fd12:3456::1", Reach.PRIVATE),
        ("169.254.169.254", Reach.NEVER),
        ("100.100.100.200", Reach.NEVER),
        ("fd00:ec2::254", Reach.NEVER),
        ("0.0.0.0", Reach.NEVER),
        ("::", Reach.NEVER),
        ("255.255.255.255", Reach.NEVER),
        ("not an address", Reach.NEVER),
    ],
)
def test_well_known_addresses_reach_as_far_as_they_should(address: str, reach: Reach) -> None:
    assert reach_of(address) is reach


def test_this_server_is_refused_at_every_address_of_this_machine_and_its_neighbours_are_not() -> (
    None
):
    rules = AddressRules(allow_private=True, own_ports=frozenset({8000}))

    assert rules.problem_of("127.0.0.1", 8000) is Problem.OWN_ADDRESS
    assert rules.problem_of("127.9.9.9", 8000) is Problem.OWN_ADDRESS
    if socket.has_ipv6 and rules.problem_of("::1", 8000) is not None:
        assert rules.problem_of("::1", 8000) is Problem.OWN_ADDRESS
        assert rules.problem_of("::ffff:127.0.0.1", 8000) is Problem.OWN_ADDRESS
    assert rules.problem_of("127.0.0.1", 8096) is None
    assert rules.problem_of("192.0.3.77", 8000) is None
