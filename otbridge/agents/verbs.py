"""The verbs: what can begin at the top, in a handle, or where another process left off.

`agents.tool(...)` begins a tool call wherever the code is; `planner.tool(...)` begins one that is
the planner's, even from another thread or task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link

    from otbridge.agents.actors import AgentHandle, PlanHandle, RunHandle, StepHandle
    from otbridge.agents.handle import Handle
    from otbridge.agents.lookups import MemoryHandle, RetrievalHandle
    from otbridge.agents.model_call import LlmHandle
    from otbridge.agents.tool_call import HandoffHandle, ToolHandle

__all__ = ["TransferMode", "Verbs"]

TransferMode = Literal["pass_control", "return_to_caller"]

_Function = TypeVar("_Function", bound="Callable[..., Any]")


class Verbs:
    """Begins spans of agent runs below one place.

    Every verb takes `links` (see `link_from`), and `capture_content`: whether prompts, answers,
    arguments and results are written onto its span and those below. The default asks the handle
    around it, then `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`; without either: no.

    `run`, `agent`, `tool`, `plan` and `step` are decorators without arguments, too; they take
    their name from the function.
    """

    @property
    def context(self) -> Context | None:
        """The context that children begin in; None for whatever is current."""
        return None

    @overload
    def run(self, name: _Function, /) -> _Function: ...
    @overload
    def run(
        self,
        name: str,
        *,
        conversation_id: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        run_id: str | None = None,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> RunHandle: ...
    def run(self, name: Any, **options: Any) -> Any:  # noqa: D417 - the overload names them
        """Begin a run: one task that agents work on together (`invoke_workflow`).

        Args:
            name: What the run is for; the same words for every run of its kind.
            conversation_id: The conversation's real id, if there is one; never made up here.
            session_id: The user's session.
            user_id: Who the run is for.
            run_id: The run's id where you have one; a new one otherwise. A run in a run keeps the
                outer one's.
            links: Spans whose output is used.
            capture_content: Whether content is kept in this run.
        """
        from otbridge.agents.actors import RunHandle

        return self._named(RunHandle, name, options)

    @overload
    def agent(self, name: _Function, /) -> _Function: ...
    @overload
    def agent(
        self,
        name: str,
        *,
        description: str | None = None,
        version: str | None = None,
        agent_id: str | None = None,
        conversation_id: str | None = None,
        provider: str | None = None,
        remote: bool = False,
        after: Handle | Mapping[str, Any] | None = None,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> AgentHandle: ...
    def agent(self, name: Any, **options: Any) -> Any:  # noqa: D417 - the overload names them
        """Begin an agent's work (`invoke_agent`).

        Args:
            name: The agent's name, the same in every run.
            description: What it is good for.
            version: Its version.
            agent_id: The id under which it is hosted, never one of this invocation.
            conversation_id: The conversation's real id, if there is one.
            provider: Who hosts it, e.g. `openai`; for remote agents.
            remote: Whether it works in somebody else's service (span kind CLIENT).
            after: The handoff that brought it to work: its handle, or the carrier it sent.
            links: Spans whose output is used.
            capture_content: Whether content is kept here and below.
        """
        from otbridge.agents.actors import AgentHandle

        return self._named(AgentHandle, name, options)

    def llm(
        self,
        model: str,
        *,
        provider: str | None = None,
        operation: Literal["chat", "generate_content", "text_completion", "embeddings"] = "chat",
        stream: bool | None = None,
        local: bool = False,
        parameters: Mapping[str, Any] | None = None,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> LlmHandle:
        """Begin a call of a language model (`chat`).

        Args:
            model: The model that is asked for.
            provider: Who serves it, by the GenAI conventions' name: `openai`, `anthropic`,
                `aws.bedrock`, `gcp.gemini`, …
            operation: Which kind of call.
            stream: Whether the answer comes in pieces.
            local: Whether the model runs in this process (span kind INTERNAL).
            parameters: `temperature`, `max_tokens`, `top_p`, `seed`, …: written as
                `gen_ai.request.*`.
            links: Spans whose output is used.
            capture_content: Whether content is kept.
        """
        from otbridge.agents.model_call import LlmHandle

        return LlmHandle(
            model,
            provider=provider,
            operation=operation,
            stream=stream,
            local=local,
            parameters=parameters,
            parent=self,
            links=links,
            capture_content=capture_content,
        )

    @overload
    def tool(self, name: _Function, /) -> _Function: ...
    @overload
    def tool(
        self,
        name: str,
        *,
        call_id: str | None = None,
        arguments: Any = None,
        kind: str = "function",
        description: str | None = None,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> ToolHandle: ...
    def tool(self, name: Any, **options: Any) -> Any:  # noqa: D417 - the overload names them
        """Begin a tool call (`execute_tool`).

        Args:
            name: The tool's name.
            call_id: The id that the model gave the call.
            arguments: What it is called with; content. A decorated function's are found.
            kind: `function`, `extension` or `datastore`.
            description: What the tool does.
            links: Spans whose output is used.
            capture_content: Whether arguments and result are kept.
        """
        from otbridge.agents.tool_call import ToolHandle

        return self._named(ToolHandle, name, options)

    def handoff(
        self,
        target: str,
        *,
        mode: TransferMode = "pass_control",
        tool: str = "handoff",
        call_id: str | None = None,
        arguments: Any = None,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> HandoffHandle:
        """Begin handing over to another agent; its span becomes a child, wherever it runs.

        Args:
            target: The agent that takes over.
            mode: `pass_control`: this agent is done; `return_to_caller`: it goes on with the answer.
            tool: The name under which the model called for it.
            call_id: The id that the model gave that call.
            arguments: What is handed over; content.
            links: Spans whose output is used.
            capture_content: Whether arguments and result are kept here and below.
        """
        from otbridge.agents.tool_call import HandoffHandle

        return HandoffHandle(
            target,
            mode=mode,
            tool=tool,
            call_id=call_id,
            arguments=arguments,
            parent=self,
            links=links,
            capture_content=capture_content,
        )

    def retrieval(
        self,
        data_source: str,
        *,
        query: str | None = None,
        top_k: int | None = None,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> RetrievalHandle:
        """Begin looking something up in a data source (`retrieval`).

        Args:
            data_source: Its id or name.
            query: What is looked for; content.
            top_k: How many documents are asked for.
            links: Spans whose output is used.
            capture_content: Whether query and documents are kept.
        """
        from otbridge.agents.lookups import RetrievalHandle

        return RetrievalHandle(
            data_source,
            query=query,
            top_k=top_k,
            parent=self,
            links=links,
            capture_content=capture_content,
        )

    def memory(
        self,
        operation: str = "search_memory",
        *,
        store: str | None = None,
        record: str | None = None,
        query: str | None = None,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> MemoryHandle:
        """Begin reading or writing an agent's memory.

        Args:
            operation: `search_memory`, `create_memory`, `update_memory`, `upsert_memory`,
                `delete_memory`, `create_memory_store` or `delete_memory_store`.
            store: The store's id.
            record: The record's id.
            query: What is looked for; content.
            links: Spans whose output is used.
            capture_content: Whether query and records are kept.
        """
        from otbridge.agents.lookups import MemoryHandle

        return MemoryHandle(
            operation,
            store=store,
            record=record,
            query=query,
            parent=self,
            links=links,
            capture_content=capture_content,
        )

    @overload
    def plan(self, name: _Function, /) -> _Function: ...
    @overload
    def plan(
        self,
        name: str | None = None,
        *,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> PlanHandle: ...
    def plan(self, name: Any = None, **options: Any) -> Any:  # noqa: D417 - as above
        """Begin making a plan (`plan`); the model call that makes it is its child.

        Args:
            name: Whose plan; the agent's around it when left out.
            links: Spans whose output is used.
            capture_content: Whether content is kept below.
        """
        from otbridge.agents.actors import PlanHandle

        if _is_function(name):
            return PlanHandle(None, parent=self)(name)
        return PlanHandle(name, parent=self, **options)

    @overload
    def step(self, name: _Function, /) -> _Function: ...
    @overload
    def step(
        self,
        name: str,
        *,
        links: Sequence[Link] = (),
        capture_content: bool | None = None,
    ) -> StepHandle: ...
    def step(self, name: Any, **options: Any) -> Any:  # noqa: D417 - the overload names them
        """Begin any other part of an agent's work that deserves a name.

        Args:
            name: What is done.
            links: Spans whose output is used.
            capture_content: Whether content is kept below.
        """
        from otbridge.agents.actors import StepHandle

        return self._named(StepHandle, name, options)

    def _named(self, handle: Callable[..., Any], name: Any, options: dict[str, Any]) -> Any:
        """Return a handle called *name*, or the function *name* decorated with one called like it."""
        if _is_function(name):
            return handle(_function_name(name), parent=self)(name)
        return handle(name, parent=self, **options)


def _is_function(value: Any) -> bool:
    return callable(value) or isinstance(value, classmethod)


def _function_name(function: Any) -> str:
    inner = getattr(function, "__func__", function)  # of a staticmethod or classmethod
    return str(getattr(inner, "__name__", type(inner).__name__))
