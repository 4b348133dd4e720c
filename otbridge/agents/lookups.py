"""What an agent looks up: documents in a data source, and its own memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind

from otbridge.agents import content
from otbridge.agents.handle import Handle, guarded
from otbridge.semconv import (
    GEN_AI_DATA_SOURCE_ID,
    GEN_AI_MEMORY_QUERY_TEXT,
    GEN_AI_MEMORY_RECORD_COUNT,
    GEN_AI_MEMORY_RECORD_ID,
    GEN_AI_MEMORY_RECORDS,
    GEN_AI_MEMORY_STORE_ID,
    GEN_AI_RETRIEVAL_DOCUMENTS,
    GEN_AI_RETRIEVAL_QUERY_TEXT,
    GEN_AI_RETRIEVAL_TOP_K,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from otbridge.agents.place import Place
    from otbridge.agents.verbs import Verbs

__all__ = ["MemoryHandle", "RetrievalHandle"]


class _Lookup(Handle):
    def __init__(
        self,
        query_name: str,
        query: str | None,
        given: Mapping[str, AttributeValue | None],
        parent: Verbs | None,
        options: dict[str, Any],
    ) -> None:
        super().__init__(parent, **options)
        self._query = (query_name, query)
        self._given: Final = given

    def _attributes(self, place: Place) -> Mapping[str, AttributeValue | None]:  # noqa: ARG002 - other spans are named by their place
        name, query = self._query
        if query is None or not self.captures_content:
            return self._given
        return {**self._given, name: query[: content.PART_LIMIT]}

    def _write(self, name: str, value: Any) -> None:
        if self.captures_content and self.span.is_recording():
            self.span.set_attribute(name, content.to_json(value))


class RetrievalHandle(_Lookup):
    """One look into a data source."""

    kind = SpanKind.CLIENT
    operation = "retrieval"

    def __init__(
        self,
        data_source: str,
        *,
        query: str | None = None,
        top_k: int | None = None,
        parent: Verbs | None = None,
        **options: Any,
    ) -> None:
        given = {GEN_AI_DATA_SOURCE_ID: data_source, GEN_AI_RETRIEVAL_TOP_K: top_k}
        super().__init__(GEN_AI_RETRIEVAL_QUERY_TEXT, query, given, parent, options)
        self._source = data_source

    @guarded
    def documents(self, documents: Any) -> None:
        """Record what was found: a list of `{"id", "score"}`; content."""
        self._write(GEN_AI_RETRIEVAL_DOCUMENTS, documents)

    def _name(self, place: Place) -> str:  # noqa: ARG002 - as above
        return f"{self.operation} {self._source}"


class MemoryHandle(_Lookup):
    """One reading or writing of an agent's memory."""

    def __init__(
        self,
        operation: str = "search_memory",
        *,
        store: str | None = None,
        record: str | None = None,
        query: str | None = None,
        parent: Verbs | None = None,
        **options: Any,
    ) -> None:
        given = {GEN_AI_MEMORY_STORE_ID: store, GEN_AI_MEMORY_RECORD_ID: record}
        super().__init__(GEN_AI_MEMORY_QUERY_TEXT, query, given, parent, options)
        self.operation = operation

    @guarded
    def records(self, records: Any) -> None:
        """Record what was found or written; how many of them is kept, they themselves are content."""
        if isinstance(records, list | tuple) and self.span.is_recording():
            self.span.set_attribute(GEN_AI_MEMORY_RECORD_COUNT, len(records))
        self._write(GEN_AI_MEMORY_RECORDS, records)

    def _name(self, place: Place) -> str:  # noqa: ARG002 - as above
        return self.operation
