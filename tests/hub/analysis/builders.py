"""Spans of a run, by a word each."""

from __future__ import annotations

from typing import Any

from otbridge.hub.analysis.genai import GenAI, describe
from otbridge.hub.analysis.span_tree import Key, RunSpan


class Trace:
    """One trace, filled in call by call; each call gives the new span's id, to be a parent."""

    def __init__(self, number: int = 1) -> None:
        self.trace_id = bytes([number]) * 16
        self.spans: list[RunSpan] = []

    def key(self, span_id: bytes) -> Key:
        return (self.trace_id, span_id)

    def add(
        self,
        name: str,
        parent: bytes = b"",
        *,
        attributes: dict[str, Any] | None = None,
        scope: str = "",
        kind: int = 1,
        links: tuple[Key, ...] = (),
        status: int = 0,
        ended: bool = True,
        lost: bool = False,
        service: str = "svc",
    ) -> bytes:
        number = len(self.spans) + 1
        span_id = number.to_bytes(8, "big")
        genai: GenAI | None = describe(name, kind, attributes or {}, scope)
        self.spans.append(
            RunSpan(
                self.trace_id,
                span_id,
                parent,
                name,
                service,
                start_ns=self.trace_id[0] * 1000 + number,
                end_ns=(self.trace_id[0] * 1000 + 100 + number) if ended else 0,
                status=status,
                links=links,
                genai=genai,
                lost=lost,
            )
        )
        return span_id

    def agent(self, name: str, parent: bytes = b"", **options: Any) -> bytes:
        said = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        said |= options.pop("attributes", {})
        return self.add(f"invoke_agent {name}", parent, attributes=said, **options)

    def llm(
        self,
        parent: bytes = b"",
        tokens: tuple[int, int] | None = (10, 3),
        model: str = "m",
        **options: Any,
    ) -> bytes:
        said: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
        if tokens:
            said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"] = tokens
        said |= options.pop("attributes", {})
        return self.add(f"chat {model}", parent, attributes=said, kind=3, **options)

    def tool(self, name: str, parent: bytes = b"", **options: Any) -> bytes:
        said = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
        said |= options.pop("attributes", {})
        return self.add(f"execute_tool {name}", parent, attributes=said, **options)

    def handoff(self, target: str, parent: bytes = b"", **options: Any) -> bytes:
        return self.tool(
            "handoff", parent, attributes={"gen_ai.transfer.target.name": target}, **options
        )


def used(input_tokens: int, output_tokens: int) -> dict[str, int]:
    """Attributes that report tokens."""
    return {
        "gen_ai.usage.input_tokens": input_tokens,
        "gen_ai.usage.output_tokens": output_tokens,
    }
