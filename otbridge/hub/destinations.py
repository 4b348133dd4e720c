"""Where a hub passes on what it receives: reads the addresses, and refuses its own."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from otbridge.errors import ConfigurationError
from otbridge.hub.tls import SYSTEM_TRUST, ClientTls

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from otbridge.typing import Sink

__all__ = ["Destination", "make_sink", "read_destination", "refuse_loops"]

_SCHEMES: Final = {"http": 80, "https": 443, "grpc": 4317, "grpcs": 443}
_SIGNAL_PATH: Final = re.compile(r"/v1/(traces|logs|metrics)/?$")
_EXAMPLE: Final = "Write it like https://otlp.example.com, or grpc://collector:4317."


class Destination(NamedTuple):
    """One address to pass on to."""

    scheme: str
    """`http`, `https`, `grpc` (not encrypted) or `grpcs`."""
    host: str
    port: int
    path: str
    """What stands before `/v1/traces` and the like; empty for gRPC."""
    headers: Mapping[str, str]
    """Sent with every request."""
    tls: ClientTls = SYSTEM_TRUST
    """For those that encrypt."""


def read_destination(text: str) -> Destination:
    """Return the destination that *text* stands for.

    Headers, such as a token, stand behind a `#`, percent-encoded and joined by `&`:
    `https://otlp.example.com#authorization=Bearer%20TOKEN`. Of a URL this part is never sent.

    Raises:
        ConfigurationError: It stands for none. The message shows nothing that may be secret.
    """
    try:
        url = urlsplit(text.strip())
        port = url.port
    except ValueError as error:
        raise _wrong("--forward got no address.", f"The parser says: {error}.") from None
    if url.scheme not in _SCHEMES or not url.hostname:
        raise _wrong(
            f"--forward got an address with {f'scheme {url.scheme!r}' if url.scheme else 'no scheme'}"
            f"{'' if url.hostname else ' and no host'}.",
            "It has to begin with http://, https://, grpc:// or grpcs://.",
        )
    shown = f"{url.scheme}://{url.hostname}"
    if url.username is not None or url.query:
        raise ConfigurationError(
            f"--forward {shown} has a user or a query.",
            "They end up in other people's logs.",
            "Give a header behind a #: …#authorization=Bearer%20TOKEN.",
        )
    path = url.path.rstrip("/")
    if path and url.scheme.startswith("grpc"):
        raise _wrong(f"--forward {shown} has a path.", "gRPC has none.")
    if _SIGNAL_PATH.search(path):
        raise ConfigurationError(
            f"--forward {shown} names the path of one signal.",
            "All three are passed on, each to a path of its own.",
            "Leave /v1/… out.",
        )
    return Destination(
        url.scheme,
        url.hostname,
        port if port is not None else _SCHEMES[url.scheme],
        path,
        dict(_headers(shown, url.fragment)),
    )


def make_sink(destination: Destination) -> Sink:
    """Return what sends to *destination*.

    Raises:
        ConfigurationError: A header cannot be sent, or a certificate's file cannot be read.
    """
    encrypts = destination.scheme in ("https", "grpcs")
    tls = destination.tls if encrypts else SYSTEM_TRUST
    host = f"[{destination.host}]" if ":" in destination.host else destination.host
    where = f"{host}:{destination.port}"
    if destination.scheme.startswith("grpc"):
        from otbridge.sinks.otlp_grpc import OtlpGrpcSink

        return OtlpGrpcSink(
            where,
            insecure=not encrypts,
            headers=destination.headers,
            certificate=tls.ca or None,
            client_certificate=tls.certificate or None,
            client_key=tls.key or None,
        )
    from otbridge.sinks.otlp_http import OtlpHttpSink

    return OtlpHttpSink(
        f"{destination.scheme}://{where}{destination.path}",
        headers=destination.headers,
        certificate=tls.ca or None,
        client_certificate=tls.certificate or None,
        client_key=tls.key or None,
    )


def refuse_loops(destinations: Iterable[Destination], host: str, ports: Collection[int]) -> None:
    """Raise where a destination is this hub itself, by whatever name. Asks the name service.

    Args:
        destinations: Where to pass on to.
        host: The address that the hub listens on.
        ports: The ports that it listens on.

    Raises:
        ConfigurationError: What it received would come back, and grow with every round.
    """
    for destination in destinations:
        if destination.port in ports and _is_here(destination.host, host):
            raise ConfigurationError(
                f"--forward {destination.scheme}://{destination.host}:{destination.port} "
                "is this hub itself.",
                "What it received would come back to it without end.",
                "Give the address of another hub or backend.",
            )


def _is_here(name: str, host: str) -> bool:
    found = _addresses(name)
    if ipaddress.ip_address(host).is_unspecified if _is_address(host) else False:
        return any(map(_is_own, found))
    return bool(found & _addresses(host))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _addresses(name: str) -> set[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()  # nobody by that name now: the breaker waits for them
    return {_plain(str(address[0])) for *_, address in found}


def _plain(address: str) -> str:
    """Return *address* without a zone, and an IPv4 address as such, also where IPv6 wraps it."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def _is_own(address: str) -> bool:
    """Whether an interface of this machine has *address*: only then can it be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _headers(shown: str, fragment: str) -> Iterable[tuple[str, str]]:
    for pair in filter(None, fragment.split("&")):
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise ConfigurationError(
                f"--forward {shown} has something behind the # that is no header.",
                "Headers are written name=value, percent-encoded and joined by &.",
                "Write it like …#authorization=Bearer%20TOKEN&x-tenant=7.",
            )
        yield unquote(name).lower(), unquote(value)


def _wrong(what: str, why: str) -> ConfigurationError:
    return ConfigurationError(what, why, _EXAMPLE)
