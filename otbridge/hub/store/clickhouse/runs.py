"""Questions that agent runs are put together from, in SQL."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.store.clickhouse.questions import Conditions

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.questions import Asker

__all__ = ["related", "traces_of_run"]


def related(asker: Asker, trace_id: bytes) -> set[bytes]:
    """Answer `Store.related`."""
    traces = asker.tables.traces
    where = Conditions()
    where.add("TraceId = {id:String}", id=trace_id.hex())
    ((links, talks, runs),) = asker.rows(
        "SELECT groupUniqArrayArray(`Links.TraceId`),"
        " groupUniqArrayIf(GenAiConversation, GenAiKind != '' AND GenAiConversation != ''),"
        " groupUniqArrayIf(GenAiRun, GenAiKind != '' AND GenAiRun != '')"
        f" FROM {traces} WHERE {where}",
        where,
        threads=1,
    )
    found = Conditions()
    found.add("has(`Links.TraceId`, {id:String})", id=trace_id.hex())
    alternatives = [str(found)]
    for column, values in (
        ("TraceId", links),
        ("GenAiConversation", talks),
        ("GenAiRun", runs),
    ):
        for value in values:
            one = Conditions(beside=found)
            one.add(f"{column} = {{value:String}}", value=value.decode())
            alternatives.append(str(one))
    rows = asker.rows(
        f"SELECT DISTINCT TraceId FROM {traces} WHERE {' OR '.join(alternatives)}", found
    )
    return {bytes.fromhex(other.decode()) for (other,) in rows} - {trace_id}


def traces_of_run(asker: Asker, run: str) -> set[bytes]:
    """Answer `Store.traces_of_run`."""
    where = Conditions("GenAiRun != ''")
    where.add("GenAiRun = {run:String}", run=run)
    rows = asker.rows(f"SELECT DISTINCT TraceId FROM {asker.tables.traces} WHERE {where}", where)
    return {bytes.fromhex(trace_id.decode()) for (trace_id,) in rows}
