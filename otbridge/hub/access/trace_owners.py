"""Who began a trace: what lets a public sender's records stay in it.

A public key's traces are those that nobody had begun when its first record came. The hub tells
so by what it holds:

- Nothing: the sender begins the trace.
- Something that came with this key: the sender has begun it before.
- Spans of others, all of whom have a parent elsewhere: a client began it, and backends went on.
- A root span of somebody else's, or anything of another public key: it is theirs.

In a trace that is theirs, a record whose parent is one of their spans shows that the backend
handed its context out: trace and span id together are 192 random bits, which an id in an error
page or a support ticket does not give away. Only keys with the policy `continue` ask for that.

A trace of which nothing is stored yet cannot be told from a new one. A sender that learns of an
id within the second that its first span needs to be stored is taken for the one who began it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge import semconv
from otbridge.errors import QueryError, StoreError
from otbridge.hub.access.key import TraceContext
from otbridge.hub.ingest import Busy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from otbridge.hub.access.key import Key
    from otbridge.hub.store import Store
    from otbridge.wire.rows import SpanRow

__all__ = ["OWN", "Standing", "TraceOwners", "source_of"]

_MAX_REMEMBERED: Final = 65_536
"""Traces of public keys that need not be looked up again: some 12 MB, an hour of busy pages."""

_MAX_LOOKED_UP: Final = 64
"""Traces looked up for one request; a page's batch has one for each click. Further ones count as
somebody else's, so that a request cannot ask for a thousand questions to the store."""

_MAX_SPANS: Final = 5_000
"""Spans read for them, all together, in start order: a root is among the first."""


class Standing(NamedTuple):
    """How a public key stands to a trace."""

    own: bool
    """Whether its records may stay in it."""
    held: frozenset[bytes] = frozenset()
    """The span ids of others that the hub holds of it."""
    root: bytes = b""
    """The one without a parent; empty where it is not known."""


OWN: Final = Standing(own=True)
_UNKNOWN: Final = Standing(own=False)


class TraceOwners:
    """Remembers, and looks up in the store, who began which trace. It belongs to one event loop.

    Args:
        store: What the hub holds.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    async def look(
        self, key: Key, parents: Mapping[bytes, AbstractSet[bytes]]
    ) -> dict[bytes, Standing]:
        """Return how *key* stands to each trace.

        Args:
            key: A public one.
            parents: By trace id, the span ids that its records name as their parents.

        Raises:
            Busy: The store could not be asked; the request may come again.
        """
        asked = [trace for trace in parents if not self._remembers(key, trace)]
        found = await self._found(asked[:_MAX_LOOKED_UP])
        standings = dict.fromkeys(parents, OWN) | dict.fromkeys(asked, _UNKNOWN)
        for trace, spans in found.items():
            standings[trace] = standing = _standing(key, spans, parents[trace])
            if standing.own:
                self._remember(key, trace)
        return standings

    async def _found(self, traces: list[bytes]) -> dict[bytes, list[SpanRow]]:
        if not traces:
            return {}
        try:
            spans = await asyncio.to_thread(self._store.spans, traces, _MAX_SPANS)
        except (StoreError, QueryError) as error:
            raise Busy(error.what, error.why, "Send again in a second.") from error
        found: dict[bytes, list[SpanRow]] = {trace: [] for trace in traces}
        for span in spans:
            found[span.trace_id].append(span)
        return found

    def _remembers(self, key: Key, trace: bytes) -> bool:
        if (key.id, trace) not in self._own:
            return False
        self._own.move_to_end((key.id, trace))
        return True

    def _remember(self, key: Key, trace: bytes) -> None:
        self._own[key.id, trace] = None
        if len(self._own) > _MAX_REMEMBERED:
            self._own.popitem(last=False)


def source_of(key: Key) -> str:
    """Return what the hub writes on everything that came with a public key."""
    return f"public:{key.id}"


def _standing(key: Key, spans: list[SpanRow], parents: AbstractSet[bytes]) -> Standing:
    mine, strangers = source_of(key).encode(), semconv.SOURCE.encode()
    others = []
    public = False
    for span in spans:
        if strangers in span.resource:
            if mine in span.resource:
                return OWN
            public = True
        others.append(span)
    root = next((span.span_id for span in others if not span.parent_span_id), b"")
    if not root and not public:
        return OWN
    held = frozenset(span.span_id for span in others)
    issued = key.trace_context is TraceContext.CONTINUE and not public and held & parents
    return OWN if issued else Standing(own=False, held=held, root=root)
