"""Where a hub does not pass on to unless it is told so twice: link-local addresses.

On the machines of cloud providers these answer anybody with the machine's own credentials
(169.254.169.254, fd00:ec2::254). Destinations come from the command line and the environment
only; this catches a value that somebody else has written there.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.hub.destinations import Destination

__all__ = ["is_link_local", "refuse_link_local"]

_METADATA: Final = frozenset(
    {
        ip_address("fd00:ec2::254"),  # AWS, instances with IPv6
        ip_address("fd20:ce::254"),  # Google Cloud, the same
        ip_address("100.100.100.200"),  # Alibaba Cloud
        ip_address("168.63.129.16"),  # Azure's host
    }
)
"""Metadata services outside the link-local ranges."""


def refuse_link_local(destinations: Iterable[Destination]) -> None:
    """Raise where a destination is, or its name stands for, such an address. Asks the name service.

    Raises:
        ConfigurationError: One is. The message shows nothing of the address but the host.
    """
    for destination in destinations:
        for address in _addresses(destination.host):
            if is_link_local(address):
                raise ConfigurationError(
                    f"--forward {destination.scheme}://{destination.host} leads to {address}.",
                    "That is a link-local address or a cloud's metadata service, which gives the"
                    " machine's credentials away.",
                    "Give another address, or add --forward-link-local if this is meant.",
                )


def is_link_local(text: str) -> bool:
    """Whether *text* is such an address, in any way that IPv6 can wrap IPv4."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    wrapped = _wrapped(address)
    return any(each.is_link_local or each in _METADATA for each in (address, *wrapped))


def _wrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 address inside an IPv6 one: mapped, compatible, 6to4, NAT64."""
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour]
    if address.packed[:12] in (bytes(12), b"\x00\x64\xff\x9b" + bytes(8)):
        found.append(IPv4Address(address.packed[12:]))
    return [each for each in found if each is not None]


def _addresses(host: str) -> list[str]:
    """Return what *host* stands for: the odd ways to write an address (2852039166) included."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return [host]  # nobody by that name now
    return [host, *(str(address[0]) for *_, address in found)]
