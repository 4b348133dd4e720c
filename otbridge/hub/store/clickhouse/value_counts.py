"""How often each value of an attribute occurs among the records that fit."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from otbridge.hub.store.clickhouse.attribute_search import IS_TEXT, LONGEST, key_bytes
from otbridge.hub.store.clickhouse.logs import log_conditions
from otbridge.hub.store.clickhouse.questions import Conditions
from otbridge.hub.store.clickhouse.traces import newest_traces, trace_conditions
from otbridge.hub.store.vocabulary import Facets, LogFilter

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker
    from otbridge.hub.store.vocabulary import TraceFilter

__all__ = ["UNPACKED", "count_values"]

UNPACKED: Final = 20_000
"""Records that are looked at, newest first, as in every other store."""


def count_values(asker: Asker, wanted: LogFilter | TraceFilter, key: str) -> Facets:
    """Answer `Store.facets` for an attribute."""
    if isinstance(wanted, LogFilter):
        where, newest, one = _logs(asker, wanted)
    else:
        where, newest, one = _traces(asker, wanted)
    of_key = Conditions(beside=where)
    of_key.add("mapContains(Attributes, {key:String})", key=key)
    entry = Conditions(beside=where)
    entry.add("Attributes[{key:String}]", key=key)
    begin = Conditions(beside=where)
    begin.add(IS_TEXT.format(key="begin"), begin=key_bytes(key))
    rows = asker.rows(
        f"SELECT IsText, Text, uniqExact(One), LookedAt FROM ("
        f"SELECT {one} AS One, substringUTF8(Value, 1, {LONGEST:d}) AS Text, {begin} AS IsText,"
        f" LookedAt FROM (SELECT *, {entry} AS Value FROM ({newest}) WHERE {of_key}))"
        " GROUP BY IsText, Text, LookedAt",
        where,
    )
    counts: Counter[str] = Counter()
    for is_text, text, records, _ in rows:
        counts[_as_json(text.decode(), is_text=bool(is_text))] += records
    looked_at = rows[0][3] if rows else _looked_at(asker, newest, where, one)
    return Facets(counts, looked_at, complete=looked_at < UNPACKED)


def _as_json(text: str, *, is_text: bool) -> str:
    """Return a map's entry as JSON: all but texts, bytes and what is no finite number are so."""
    if not is_text:
        try:
            msgspec.json.decode(text)
        except msgspec.DecodeError:
            pass
        else:
            return text
    return msgspec.json.encode(text).decode()


def _looked_at(asker: Asker, newest: str, where: Conditions, one: str) -> int:
    ((records,),) = asker.rows(f"SELECT uniqExact({one}) FROM ({newest})", where)
    return int(records)


def _logs(asker: Asker, wanted: LogFilter) -> tuple[Conditions, str, str]:
    where = log_conditions(wanted)
    newest = (
        f"SELECT Attributes, Raw, Place, Id, count() OVER () AS LookedAt FROM (SELECT DISTINCT"
        " Timestamp, Place, Id, LogAttributes AS Attributes, Raw"
        f" FROM {asker.tables.logs} WHERE {where} ORDER BY Timestamp DESC LIMIT {UNPACKED:d})"
    )
    return where, newest, "(Place, Id)"


def _traces(asker: Asker, wanted: TraceFilter) -> tuple[Conditions, str, str]:
    where, fits = trace_conditions(asker.tables, wanted, None, 0)
    ids = f"SELECT TraceId FROM ({newest_traces(asker.tables, where, fits)} LIMIT {UNPACKED:d})"
    newest = (
        f"SELECT TraceId, Raw, SpanAttributes AS Attributes,"
        f" (SELECT count() FROM ({ids})) AS LookedAt"
        f" FROM {asker.tables.traces} WHERE TraceId IN ({ids})"
    )
    return where, newest, "TraceId"
