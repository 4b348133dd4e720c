"""The way into another process and out of one: carriers.

A carrier is a dictionary of strings with the trace, the run and the agents in it. Parent or link?
A parent waits for its child: `continue_from`. Whoever only uses what others have made links to
them: `link_from`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import Link

from otbridge.agents.attachment import Attachment
from otbridge.agents.place import Place
from otbridge.agents.verbs import Verbs
from otbridge.context.propagation import extract, inject
from otbridge.semconv import LINK_TYPE

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.context import Context

__all__ = ["CarrierKind", "Continued", "carrier", "continue_from", "link_from", "write"]

CarrierKind = Literal["http", "queue", "env", "mcp", "a2a"]

LinkType = Literal["message", "handoff", "fan_in", "resume", "retry", "spawned"]

_INSIDE: Final = ("_meta", "metadata")
"""Where MCP (SEP-414) and A2A put a carrier in their messages."""


def carrier(kind: CarrierKind = "http") -> dict[str, str]:
    """Return what another process needs to go on below the current span.

    Args:
        kind: The transport: `http` (headers), `queue` (a message's attributes), `mcp` (goes into
            `params._meta`), `a2a` (goes into `message.metadata`): names as in W3C's headers;
            `env`: environment variables, `TRACEPARENT` and so on.

    Returns:
        Names and values; empty where nothing is going on. A kind that is not known gives headers.
    """
    return write(kind, otel.get_current())


def continue_from(carrier: Mapping[str, Any] | Iterable[tuple[Any, Any]] | None) -> Continued:
    """Go on where *carrier* was made: what begins inside is a child of that span.

    Args:
        carrier: What `carrier` gave, however it travelled: names in any case, values as text or
            bytes, headers as a list of pairs, `os.environ`, or the MCP params or A2A message that
            hold it. Damaged or empty, it is not an error: a new trace begins.

    Returns:
        A context manager, with the verbs: `with continue_from(carrier) as here: here.agent(...)`.
    """
    return Continued(_read(carrier))


def link_from(
    carriers: Iterable[Mapping[str, Any] | Iterable[tuple[Any, Any]]],
    type: LinkType | str = "message",  # noqa: A002 - the attribute's name
) -> list[Link]:
    """Return links to where *carriers* were made, for `links=` of any verb.

    Args:
        carriers: As for `continue_from`; those that name no span are left out.
        type: Why: `message`, `handoff`, `fan_in` (the answers of several are merged), `resume`,
            `retry` or `spawned`.
    """
    links = []
    for one in carriers:
        origin = trace.get_current_span(_read(one)).get_span_context()
        if origin.is_valid:
            links.append(Link(origin, {LINK_TYPE: str(type)}))
    return links


class Continued(Verbs):
    """A place in a run that began in another process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._entered: list[Attachment] = []

    @property
    def context(self) -> Context:
        """The context that children begin in."""
        return self._context

    @property
    def conversation_id(self) -> str:
        """The conversation that the work belongs to; empty where the sender named none."""
        return Place.of(self._context).conversation_id

    @property
    def run_id(self) -> str:
        """The run that the work belongs to; empty where the sender named none."""
        return Place.of(self._context).run_id

    def __enter__(self) -> Self:
        conversation = self.conversation_id
        fields = {"conversation_id": conversation} if conversation else {}
        attachment = Attachment(self._context, fields)
        attachment.enter()
        self._entered.append(attachment)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._entered:
            self._entered.pop().leave()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


def write(kind: str, context: Context | None) -> dict[str, str]:
    """Return the carrier of *context* for the transport *kind*."""
    headers = inject(within=context)
    if kind == "env":
        return {name.upper().replace("-", "_"): value for name, value in headers.items()}
    return headers


def _read(carrier: Mapping[str, Any] | Iterable[tuple[Any, Any]] | None) -> Context:
    headers: dict[str, str | bytes] = {}
    for name, value in _pairs(carrier):
        if isinstance(value, str | bytes):
            key = name.decode("latin-1") if isinstance(name, bytes) else str(name)
            # Environment variables cannot have a dash in their names.
            headers[key.lower().replace("_", "-")] = value
    return extract(headers)


def _pairs(carrier: Any) -> list[tuple[Any, Any]]:
    if isinstance(carrier, Mapping):
        for inner in _INSIDE:
            nested = carrier.get(inner)
            if isinstance(nested, Mapping):
                return list(nested.items())
        return list(carrier.items())
    if isinstance(carrier, Iterable) and not isinstance(carrier, str | bytes):
        return [
            tuple(pair) for pair in carrier if isinstance(pair, list | tuple) and len(pair) == 2
        ]
    return []
