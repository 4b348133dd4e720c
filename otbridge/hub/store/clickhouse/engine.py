"""What the store needs of ClickHouse, be it a server or the one embedded in a process beside us.

Records travel in as Protobuf, in the bytes that they came in (`loading`). All other rows travel as
MessagePack, in both directions (ClickHouse's format `MsgPack`: the values of all rows, one after
the other). It carries bytes as they are, and msgspec writes and reads it faster than any other
format that ClickHouse knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from otbridge.errors import StoreError
from otbridge.hub.store import QueryTooSlow, StoreFull

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otbridge.hub.store.clickhouse.loading import Loading

__all__ = ["BUDGET_S", "Engine", "as_rows", "pack_values", "problem_of"]

BUDGET_S: Final = 2.0
"""Seconds that one question may take."""

_ARRAY_HEADER: Final = 5
"""Bytes before the items of a MessagePack array of more than 65,535 items (MessagePack, array 32)."""

# Numbers of ClickHouse's errors (src/Common/ErrorCodes.cpp).
_TOO_SLOW: Final = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        160,  # TOO_SLOW
        241,  # MEMORY_LIMIT_EXCEEDED
        394,  # QUERY_WAS_CANCELLED
    }
)
_FULL: Final = frozenset({
    159,  # TIMEOUT_EXCEEDED
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    209,  # SOCKET_TIMEOUT
    210,  # NETWORK_ERROR
    241,  # MEMORY_LIMIT_EXCEEDED
    242,  # TABLE_IS_READ_ONLY
    243,  # NOT_ENOUGH_SPACE
    252,  # TOO_MANY_PARTS
    279,  # ALL_CONNECTION_TRIES_FAILED
    425,  # SYSTEM_ERROR
    999,  # KEEPER_EXCEPTION
})  # fmt: skip
_NOT_LET_IN: Final = frozenset({
    192,  # UNKNOWN_USER
    194,  # REQUIRED_PASSWORD
    497,  # ACCESS_DENIED
    516,  # AUTHENTICATION_FAILED
})  # fmt: skip


class Engine(Protocol):
    """Runs statements. May be used from any thread."""

    @property
    def nodes(self) -> int:
        """How many servers have tables of their own."""
        ...

    def ask(self, sql: str, parameters: Mapping[str, str], settings: Mapping[str, Any]) -> bytes:
        """Return the answer to a SELECT, in the format that it names.

        Args:
            sql: With `{name:Type}` where a parameter belongs.
            parameters: Values as ClickHouse writes them in tab-separated texts.
            settings: ClickHouse's own.

        Raises:
            QueryTooSlow: It took more time or memory than *settings* allow.
            StoreError: ClickHouse cannot be reached, or says no.
        """
        ...

    def insert(self, table: str, columns: str, values: bytes) -> None:
        """Store rows, given as MessagePack; return when they are stored.

        Raises:
            StoreFull: Not now; some of it may be stored, and it may be sent again.
            StoreError: These rows are not taken.
        """
        ...

    def load(self, table: str, loading: Loading, messages: bytes) -> None:
        """Store what *loading* makes of Protobuf messages; return when it is stored.

        Args:
            table: Where to.
            loading: What the messages are, and what goes into which column.
            messages: Each with its length before it.

        Raises:
            StoreFull: As for `insert`.
            StoreError: These messages are not taken.
        """
        ...

    def execute(self, sql: str, node: int) -> bytes:
        """Run any statement on the server of this number; return what it answers."""
        ...

    def close(self) -> None:
        """Give everything back; may be called twice."""
        ...


def as_rows(answer: bytes) -> list[list[Any]]:
    """Return the rows of an answer to `SELECT groupArray(tuple(…)) … FORMAT MsgPack`.

    Texts and bytes both come as bytes: ClickHouse makes no difference between them.
    """
    rows: list[list[Any]] = msgspec.msgpack.decode(answer)
    return rows


_encoder = msgspec.msgpack.Encoder()


def pack_values(values: Sequence[Any]) -> bytes:
    """Return *values*, those of all rows in one line, as ClickHouse's format `MsgPack` has them."""
    packed = _encoder.encode(values)
    # ClickHouse wants the items alone: the array's header goes (MessagePack, array format family).
    first = packed[0]
    if first == 0xDD:
        return packed[_ARRAY_HEADER:]
    return packed[3:] if first == 0xDC else packed[1:]


def problem_of(code: int, message: str, *, writing: bool) -> StoreError | QueryTooSlow:
    """Return what to raise for ClickHouse's error number *code*."""
    said = message.partition("DB::Exception: ")[2] or message
    said = " ".join(said.split())[:400]
    if not writing and code in _TOO_SLOW:
        return QueryTooSlow(
            f"The answer would have taken more than {BUDGET_S:g} s, or too much memory.",
            "Too many records have to be looked at one by one.",
            "Narrow the time range, or add a service or a rarer word.",
        )
    if code in _NOT_LET_IN:
        # No fault of the rows: a password that is exchanged, or a grant, lets them in later.
        kind = StoreFull if writing else StoreError
        return kind(
            "ClickHouse does not let the hub in.",
            f"It says: {said} (code {code})",
            "Check user and password; it needs SELECT, INSERT, CREATE, ALTER and DROP on the"
            " database.",
        )
    if writing and code in _FULL:
        return StoreFull(
            "ClickHouse takes nothing at the moment.",
            f"It says: {said} (code {code})",
            "Send the batch again in a second; look at the server if this goes on.",
        )
    return StoreError(
        "ClickHouse could not do what was asked.",
        f"It says: {said} (code {code})",
        "Look at the server's log.",
    )
