"""Agent runs, put together from the traces that belong to each.

A run is found from any of its traces: links, run ids and conversation ids lead to the others.
Nothing is written down for it, so a trace that arrives late joins its run at once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.analysis.billing import bill
from otbridge.hub.analysis.genai import describe
from otbridge.hub.analysis.runs import Run, summarise
from otbridge.hub.analysis.span_tree import RunSpan, SpanTree
from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.vocabulary import ShortPage, TraceFilter, TracePosition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.analysis.usage import Usage
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import TraceSummary
    from otbridge.wire.rows import SpanRow

__all__ = ["RunAndRows", "RunPage", "find_run", "list_runs", "usage_of"]

_MAX_TRACES = 200
"""Traces in one run; a chat of months is cut here."""

_MAX_SPANS = 10_000
"""Spans that one run is made from, as many as a trace's page shows."""

_SCANNED = 50
"""Traces looked at in one step while a page of runs is filled."""

_BUDGET_S = 2.0
"""Seconds after which a page of runs ends, with as many as it has; the next one goes on from there."""


class RunPage(NamedTuple):
    """Some runs, latest first, and where the page ended."""

    runs: list[Run]
    next_position: TracePosition | None


class RunAndRows(NamedTuple):
    """A run, and the rows of its steps in the same order."""

    run: Run
    steps: list[SpanRow]


def list_runs(
    store: Store,
    limit: int,
    after: TracePosition | None = None,
    wanted: TraceFilter | None = None,
) -> RunPage:
    """Return at most *limit* runs with a trace that fits, the one with the latest such trace first.

    A run has its place where the latest of its traces that fit has it; at the others it is passed
    over, so that no page shows it twice. Where that takes too long the page ends early, with a
    position to go on at, even before it has shown any.
    """
    everything = TraceFilter(agents=True)
    wanted = replace(wanted or everything, agents=True)
    runs: list[Run] = []
    settled: set[bytes] = set()  # traces whose run has had its turn on this page
    start, deadline = after, monotonic() + _BUDGET_S
    while True:
        page = store.traces(wanted, _SCANNED, after)
        for summary in page:
            if len(runs) == limit or (after != start and monotonic() > deadline):
                return RunPage(runs, after)
            after = TracePosition(summary.start_ns, summary.trace_id)
            if summary.trace_id in settled:
                continue
            traces = _joined(store, summary)
            settled.update(traces)
            if _is_latest(store, summary, traces, wanted):
                found = _run(store, traces)
                if found is not None:
                    runs.append(found.run)
        if isinstance(page, ShortPage):
            after = page.next_position
        elif len(page) < _SCANNED:
            return RunPage(runs, None)
        if after != start and monotonic() > deadline:
            return RunPage(runs, after)


def find_run(store: Store, run_id: str) -> RunAndRows | None:
    """Return a run by its id, or by the id of one of its traces; None where there is none."""
    for trace_id in _traces_of(store, run_id):
        summary = store.summary(trace_id)
        if summary is not None:
            return _run(store, _joined(store, summary))
    return None


def _traces_of(store: Store, run_id: str) -> Iterator[bytes]:
    """Yield the traces that *run_id* may mean: a run without an id of its own has a trace's."""
    if len(run_id) == 32:
        try:
            yield bytes.fromhex(run_id)
        except ValueError:
            pass  # an id that somebody chose for the run
    yield from store.traces_of_run(run_id)


def usage_of(store: Store, summary: TraceSummary) -> Usage | None:
    """Return the tokens of one trace, each counted once, or None where there is no agent in it."""
    if not summary.agent_span_count:
        return None
    version = (summary.agent_version, summary.span_count)
    return _usage(store, summary.trace_id, version)  # type: ignore[arg-type] # hashed by identity


# Lists show the same traces again and again; the version makes an entry useless once it is old.
@lru_cache(maxsize=4096)
def _usage(store: Store, trace_id: bytes, _version: tuple[int, int]) -> Usage:
    spans = [_run_span(row) for row in store.spans([trace_id], _MAX_SPANS)]
    return bill(SpanTree(spans)).total


def _joined(store: Store, summary: TraceSummary) -> dict[bytes, TraceSummary]:
    """Return all traces of the run that *summary* is one of."""
    found = {summary.trace_id: summary}
    to_follow = [summary.trace_id]
    while to_follow:
        for other in store.related(to_follow.pop()):
            if other in found or len(found) == _MAX_TRACES:
                continue
            line = store.summary(other)
            if line is not None:
                found[other] = line
                to_follow.append(other)
    return found


def _is_latest(
    store: Store,
    summary: TraceSummary,
    traces: dict[bytes, TraceSummary],
    wanted: TraceFilter,
) -> bool:
    """Whether none of the run's later traces fits."""
    later = frozenset(
        other.trace_id
        for other in traces.values()
        if other.agent_span_count
        and (other.start_ns, other.trace_id) > (summary.start_ns, summary.trace_id)
    )
    return not later or not store.traces(replace(wanted, trace_ids=later), 1)


def _run(store: Store, traces: dict[bytes, TraceSummary]) -> RunAndRows | None:
    rows = store.spans(traces, _MAX_SPANS)
    run = summarise(_run_span(row) for row in rows)
    if run is None:
        return None
    by_key = {(row.trace_id, row.span_id): row for row in rows}
    return RunAndRows(run, [by_key[step.key] for step in run.steps])


def _run_span(row: SpanRow) -> RunSpan:
    attributes = decode_attributes(Span.FromString(row.data).attributes)
    return RunSpan(
        trace_id=row.trace_id,
        span_id=row.span_id,
        parent_span_id=row.parent_span_id,
        name=row.name,
        service=row.service,
        start_ns=row.start_ns,
        end_ns=row.end_ns,
        status=row.status,
        links=tuple(row.links),
        genai=describe(row.name, row.kind, attributes, _scope_name(row.scope)),
        lost=row.lost,
    )


@lru_cache(maxsize=1024)
def _scope_name(scope: bytes) -> str:
    return InstrumentationScope.FromString(scope).name
