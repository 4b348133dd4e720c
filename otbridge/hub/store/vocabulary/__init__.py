"""What a store is asked, and what it answers: the words that every kind of store understands."""

from __future__ import annotations

from otbridge.hub.store.vocabulary.filters import (
    SESSION_KEYS,
    AttributeKey,
    FacetField,
    LogFilter,
    MetricFilter,
    ScanFilter,
    SessionFilter,
    Term,
    TraceFilter,
)
from otbridge.hub.store.vocabulary.pages import ShortPage
from otbridge.hub.store.vocabulary.positions import (
    LogPosition,
    ScanPosition,
    SessionPosition,
    TracePosition,
)
from otbridge.hub.store.vocabulary.records import (
    ScanPage,
    SessionSummary,
    StoredLog,
    StoredSession,
    StoredTrace,
    TraceState,
    TraceSummary,
)
from otbridge.hub.store.vocabulary.retention import Expired, Retention
from otbridge.hub.store.vocabulary.totals import (
    Facets,
    MetricTotals,
    OperationMinute,
    OperationTotals,
    ServiceEdge,
    ServiceMap,
    ServiceNode,
    ServiceTotals,
    StoreTotals,
)

__all__ = [
    "SESSION_KEYS",
    "AttributeKey",
    "Expired",
    "FacetField",
    "Facets",
    "LogFilter",
    "LogPosition",
    "MetricFilter",
    "MetricTotals",
    "OperationMinute",
    "OperationTotals",
    "Retention",
    "ScanFilter",
    "ScanPage",
    "ScanPosition",
    "ServiceEdge",
    "ServiceMap",
    "ServiceNode",
    "ServiceTotals",
    "SessionFilter",
    "SessionPosition",
    "SessionSummary",
    "ShortPage",
    "StoreTotals",
    "StoredLog",
    "StoredSession",
    "StoredTrace",
    "Term",
    "TraceFilter",
    "TracePosition",
    "TraceState",
    "TraceSummary",
]
