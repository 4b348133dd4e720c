"""Takes the addresses that the hub listens on, and says why where they cannot be had."""

from __future__ import annotations

import errno
import os
import socket

from otbridge.errors import ConfigurationError

__all__ = ["AddressTaken", "listener", "printed"]


class AddressTaken(ConfigurationError):  # noqa: N818 - says what the address is
    """The hub cannot listen where it was told to."""


def printed(host: str, port: int) -> str:
    """Return the address as URLs have it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listener(host: str, port: int, option: str) -> socket.socket:
    """Return a listening socket.

    Args:
        host: An address of this machine.
        port: 0 takes a free one.
        option: What the port is set by, for the message.

    Raises:
        AddressTaken: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol's number, without which asyncio does not know that it is TCP, and leaves
    # Nagle's algorithm on: each answer on a kept connection would then take 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere this option would let two programs share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        # Taken for good only by listening: until then another program may bind it, too.
        bound.listen(128)
    except (OSError, OverflowError) as error:
        bound.close()
        raise _not_listening(host, port, option, error) from None
    bound.setblocking(False)
    return bound


def _not_listening(host: str, port: int, option: str, error: Exception) -> AddressTaken:
    what = f"The hub cannot listen on {host} port {port}."
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return AddressTaken(
            what,
            "Another program has the port; perhaps a hub is running already.",
            f"End that program, or choose another port with {option} (0 takes a free one).",
        )
    if number in (errno.EACCES, errno.EPERM):
        return AddressTaken(what, "The port is reserved.", f"Choose one above 1023 with {option}.")
    return AddressTaken(
        what,
        f"The system says: {error}.",
        "Give an address of this machine with --host; usually that is 127.0.0.1.",
    )
