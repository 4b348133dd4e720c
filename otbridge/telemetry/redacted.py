"""Spans without the secrets in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Status

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from otbridge.processors.redact import Redactor

__all__ = ["redacted"]


class _View:
    """A span as the encoder sees it, with some of its parts exchanged."""

    def __init__(self, span: Any, **exchanged: Any) -> None:
        self._span = span
        self.__dict__.update(exchanged)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)


def redacted(span: ReadableSpan, redactor: Redactor) -> Any:
    """Return *span*, or a view of it without the secrets in its name, attributes, events, links."""
    changed: dict[str, Any] = {}
    name = redactor.text(span.name)
    if name is not span.name:
        changed["name"] = name
    attributes = span.attributes or {}
    clean = redactor.attributes(attributes)
    if clean is not attributes:
        changed["attributes"] = clean
    description = span.status.description
    if description and (shown := redactor.text(description)) is not description:
        changed["status"] = Status(span.status.status_code, shown)
    for part in ("events", "links"):
        items = getattr(span, part)
        if items:
            cleaned = [_cleaned(item, redactor) for item in items]
            if any(new is not old for new, old in zip(cleaned, items, strict=True)):
                changed[part] = cleaned
    return _View(span, **changed) if changed else span


def _cleaned(item: Any, redactor: Redactor) -> Any:
    attributes = item.attributes or {}
    clean = redactor.attributes(attributes)
    return item if clean is attributes else _View(item, attributes=clean)
