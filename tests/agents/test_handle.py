"""What a handle's span says, whose child it is, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from opentelemetry import baggage, context, trace
from opentelemetry.trace import SpanKind, StatusCode

from otbridge import agents

if TYPE_CHECKING:
    from tests.agents.conftest import Spans


def test_each_verb_has_the_conventions_name_kind_and_operation(spans: Spans) -> None:
    """Names, kinds and operations are those of the GenAI conventions' tables."""
    with (
        agents.run("support case"),
        agents.agent("planner"),
        agents.agent("remote", remote=True),
        agents.llm("gpt-5", provider="openai"),
        agents.llm("local-1", local=True, operation="text_completion"),
        agents.tool("search"),
        agents.handoff("billing"),
        agents.retrieval("kb"),
        agents.memory("search_memory"),
        agents.plan(),
        agents.step("tidy up"),
    ):
        pass

    assert {
        span.name: (span.kind, (span.attributes or {}).get("gen_ai.operation.name"))
        for span in spans.all
    } == {
        "invoke_workflow support case": (SpanKind.INTERNAL, "invoke_workflow"),
        "invoke_agent planner": (SpanKind.INTERNAL, "invoke_agent"),
        "invoke_agent remote": (SpanKind.CLIENT, "invoke_agent"),
        "chat gpt-5": (SpanKind.CLIENT, "chat"),
        "text_completion local-1": (SpanKind.INTERNAL, "text_completion"),
        "execute_tool search": (SpanKind.INTERNAL, "execute_tool"),
        "execute_tool handoff billing": (SpanKind.INTERNAL, "execute_tool"),
        "retrieval kb": (SpanKind.CLIENT, "retrieval"),
        "search_memory": (SpanKind.INTERNAL, "search_memory"),
        "plan remote": (SpanKind.INTERNAL, "plan"),
        "tidy up": (SpanKind.INTERNAL, None),
    }


def test_a_model_call_says_what_was_asked_and_answered(spans: Spans) -> None:
    """Request, response, finish reasons and tokens are attributes; messages are not."""
    parameters = {"temperature": 0.2, "max_tokens": 50, "stop": ["END"], "n": 2, "odd key": 1}
    with agents.llm("gpt-5", provider="openai", stream=True, parameters=parameters) as call:
        call.input("hello")
        call.first_token()
        call.output("hi", finish="stop")
        call.response(id="r1", model="gpt-5-2026-10")
        call.usage(input=10, output=3, cache_read=4, cache_write=0, reasoning=1)

    said = dict(spans["chat gpt-5"].attributes or {})
    waited = said.pop("gen_ai.response.time_to_first_chunk")
    assert isinstance(waited, float)
    assert 0 <= waited < 10
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.choice.count": 2,
        "gen_ai.response.id": "r1",
        "gen_ai.response.model": "gpt-5-2026-10",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 1,
    }


def test_only_the_first_token_counts(spans: Spans) -> None:
    """The time to the first chunk is not moved by the second."""
    with agents.llm("m") as call:
        call.first_token()
        first = (getattr(call.span, "attributes", None) or {})[
            "gen_ai.response.time_to_first_chunk"
        ]
        call.first_token()

    assert spans.attribute("chat m", "gen_ai.response.time_to_first_chunk") == first


def test_a_handoff_says_from_whom_to_whom_and_how(spans: Spans) -> None:
    """The transfer attributes name source, target and mode."""
    with agents.agent("planner") as planner, planner.handoff("billing", mode="return_to_caller"):
        pass

    said = spans["execute_tool handoff billing"].attributes or {}
    assert said["gen_ai.agent.name"] == "planner"
    assert said["gen_ai.transfer.target.name"] == "billing"
    assert said["gen_ai.transfer.mode"] == "return_to_caller"


def test_children_of_a_handle_are_siblings_in_any_thread(spans: Spans) -> None:
    """Parallel tools are all the agent's children, and none is another's."""
    everybody_in = threading.Barrier(4)

    with agents.run("r", conversation_id="c1"), agents.agent("planner") as planner:

        def call(number: int) -> dict[str, Any]:
            with planner.tool(f"t{number}"):
                everybody_in.wait()
                return structlog.contextvars.get_contextvars()

        with ThreadPoolExecutor(4) as pool:
            bound = list(pool.map(call, range(4)))

    assert {spans.parent(f"execute_tool t{number}") for number in range(4)} == {
        "invoke_agent planner"
    }
    assert bound[2] == {"agent": "planner", "conversation_id": "c1", "tool": "t2"}


def test_children_of_a_handle_are_siblings_in_any_task(spans: Spans) -> None:
    """Tools that run in tasks at the same time do not chain."""

    async def call(planner: agents.AgentHandle, name: str, others: asyncio.Barrier) -> None:
        async with planner.tool(name):
            await others.wait()

    async def plan() -> None:
        others = asyncio.Barrier(3)
        async with agents.agent("planner") as planner:
            with planner.llm("m"):
                await asyncio.gather(*(call(planner, f"t{n}", others) for n in range(3)))

    asyncio.run(plan())

    assert {spans.parent(f"execute_tool t{n}") for n in range(3)} == {"invoke_agent planner"}
    assert spans.parent("chat m") == "invoke_agent planner"


def test_a_childs_child_is_the_ambient_ones(spans: Spans) -> None:
    """A verb of the module, and any other span, belongs to what is current."""
    with agents.agent("planner") as planner, planner.tool("search"):
        with trace.get_tracer("x").start_as_current_span("GET /"):
            pass
        with agents.llm("m"):
            pass

    assert spans.parent("GET /") == "execute_tool search"
    assert spans.parent("chat m") == "execute_tool search"


def test_what_came_into_the_context_since_holds_for_a_handles_children(spans: Spans) -> None:
    """A handle's child begun inside it sees the baggage that was set between the two."""
    with agents.agent("planner") as planner:
        token = context.attach(baggage.set_baggage("correlation.id", "req-1"))
        with planner.tool("search"):
            assert baggage.get_baggage("correlation.id") == "req-1"
        context.detach(token)
    with planner.tool("late"):
        assert baggage.get_baggage("correlation.id") is None

    assert spans.parent("execute_tool late") == "invoke_agent planner"


def test_the_path_of_agents_is_on_every_span_below(spans: Spans) -> None:
    """Nested agents make a path; a handle's child has the handle's, wherever it is begun."""
    with agents.agent("planner") as planner, planner.agent("writer") as writer:
        with trace.get_tracer("x").start_as_current_span("SELECT"):
            pass
        with planner.tool("outer"):
            pass
        assert writer.path == "planner/writer"

    assert spans.attribute("SELECT", "otbridge.agent.path") == "planner/writer"
    assert spans.attribute("execute_tool outer", "otbridge.agent.path") == "planner"
    assert spans.attribute("execute_tool outer", "gen_ai.agent.name") == "planner"


def test_a_run_stamps_everything_below(spans: Spans) -> None:
    """Run id, conversation, session and user are on the spans of others, too."""
    with (
        agents.run("case", conversation_id="c1", session_id="s1", user_id="u7") as run,
        trace.get_tracer("x").start_as_current_span("SELECT"),
    ):
        pass

    assert dict(spans["SELECT"].attributes or {}) == {
        "otbridge.run.id": run.run_id,
        "gen_ai.conversation.id": "c1",
        "session.id": "s1",
        "user.id": "u7",
    }
    assert len(run.run_id) == 32


def test_a_run_in_a_run_keeps_the_outer_id(spans: Spans) -> None:
    """Nested workflows are one run."""
    with agents.run("outer") as outer, agents.run("inner") as inner:
        assert inner.run_id == outer.run_id

    assert spans.parent("invoke_workflow inner") == "invoke_workflow outer"


def test_no_conversation_id_is_made_up(spans: Spans) -> None:
    """The conventions forbid a made-up conversation id."""
    with agents.run("case"), agents.agent("planner"):
        pass

    assert spans.attribute("invoke_agent planner", "gen_ai.conversation.id") is None


def test_an_agent_after_a_handoff_is_the_handoffs_child(spans: Spans) -> None:
    """`after` takes the handle, even when the handoff's span has ended."""
    with agents.agent("planner") as planner, planner.handoff("billing") as transfer:
        pass
    with agents.agent("billing", after=transfer):
        pass

    assert spans.parent("invoke_agent billing") == "execute_tool handoff billing"


def test_an_exception_is_recorded_and_goes_on(spans: Spans) -> None:
    """The span fails with the exception's type and message, and the caller gets the exception."""
    with pytest.raises(KeyError, match="nope"), agents.agent("planner"):
        raise KeyError("nope")

    span = spans["invoke_agent planner"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "KeyError: 'nope'"
    assert (span.attributes or {})["error.type"] == "KeyError"
    assert [event.name for event in span.events] == ["exception"]


def test_a_cancelled_task_has_not_failed(spans: Spans) -> None:
    """Cancellation ends the span without an error status."""

    async def work(began: asyncio.Event) -> None:
        with agents.agent("planner"):
            began.set()
            await asyncio.Event().wait()

    async def cancel() -> None:
        began = asyncio.Event()
        task = asyncio.create_task(work(began))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    span = spans["invoke_agent planner"]
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["otbridge.outcome"] == "cancelled"
    assert not span.events


def test_waiting_for_a_person_is_no_failure(spans: Spans) -> None:
    """Exceptions by which frameworks interrupt an agent are told from errors by their names."""

    class GraphBubbleUp(Exception):  # noqa: N818 - langgraph's name
        pass

    class GraphInterrupt(GraphBubbleUp):
        pass

    with pytest.raises(GraphInterrupt), agents.agent("planner"):
        raise GraphInterrupt

    span = spans["invoke_agent planner"]
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["otbridge.outcome"] == "interrupted"


def test_leaving_with_success_is_no_failure_and_leaving_with_a_code_is(spans: Spans) -> None:
    """`sys.exit(0)` ends well; `sys.exit(3)` does not."""
    for code in (0, 3):
        with pytest.raises(SystemExit), agents.step(f"exit {code}"):
            raise SystemExit(code)

    assert spans["exit 0"].status.status_code is StatusCode.UNSET
    assert spans["exit 3"].status.status_code is StatusCode.ERROR


def test_an_exception_without_a_text_is_still_an_error(spans: Spans) -> None:
    """An exception whose `__str__` raises marks the span and goes on unharmed."""

    class Mute(Exception):  # noqa: N818 - as above
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with pytest.raises(Mute), agents.step("work"):
        raise Mute

    assert spans["work"].status.status_code is StatusCode.ERROR
    assert spans["work"].status.description == "Mute"


def test_fail_marks_a_failure_that_raised_nothing(spans: Spans) -> None:
    """A tool that answers with an error is an error."""
    with agents.tool("search") as tool:
        tool.fail("timeout", "no answer in 5 s")

    span = spans["execute_tool search"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "no answer in 5 s"
    assert (span.attributes or {})["error.type"] == "timeout"


def test_start_and_end_work_without_a_block(spans: Spans) -> None:
    """Callbacks can begin and end a span; it is never current."""
    call = agents.llm("m").start()
    assert agents.current() is None
    call.end(ValueError("refused"))
    call.end()

    assert spans["chat m"].status.status_code is StatusCode.ERROR


def test_a_handle_entered_twice_is_one_span(spans: Spans) -> None:
    """Entered while open, a handle only becomes current again, and ends with the last exit."""
    step = agents.step("work")
    with step:
        with step:
            assert agents.current() is step
        assert not spans.all
        assert agents.current() is step
    with step:
        pass

    assert spans.names == ["work", "work"]


def test_current_is_the_innermost_open_handle(spans: Spans) -> None:
    """`current` finds the handle that code further out has opened."""
    assert agents.current() is None
    with agents.agent("planner") as planner:
        assert agents.current() is planner
        with agents.llm("m") as call:
            assert agents.current() is call
    assert agents.current() is None
    assert spans.names == ["chat m", "invoke_agent planner"]


def test_own_attributes_and_events_are_kept(spans: Spans) -> None:
    """What is no attribute value becomes JSON."""
    with agents.step("work") as step:
        step.set("app.order", 7)
        step.set("app.lines", [{"sku": "a"}])
        step.event("retry", attempt=2)

    assert spans.attribute("work", "app.order") == 7
    assert spans.attribute("work", "app.lines") == '[{"sku":"a"}]'
    assert [event.name for event in spans["work"].events] == ["retry"]


def test_a_late_word_about_an_ended_span_is_ignored(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    """After the end nothing is written and nothing is warned about."""
    with agents.llm("m") as call:
        pass
    with caplog.at_level(logging.WARNING):
        call.usage(input=1)
        call.output("late", finish="stop")
        call.set("late", True)
        call.event("late")
        call.fail("late")

    assert caplog.records == []
    assert spans.attribute("chat m", "gen_ai.usage.input_tokens") is None


def test_content_is_kept_only_when_asked_for(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    """No content by default; by the environment; by an argument, which wins and is inherited."""

    def keeps(**options: Any) -> bool:
        with agents.agent("a", **options) as agent, agent.tool("t", arguments={"q": 1}) as tool:
            tool.result("found")
        said = spans.all[0].attributes or {}
        spans.exporter.clear()
        return "gen_ai.tool.call.arguments" in said and "gen_ai.tool.call.result" in said

    variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    assert not keeps()
    assert keeps(capture_content=True)
    for value, kept in {
        "SPAN_ONLY": True,
        "span_and_event": True,
        "true": True,
        "NO_CONTENT": False,
        "EVENT_ONLY": False,
        "false": False,
    }.items():
        monkeypatch.setenv(variable, value)
        assert keeps() is kept, value
    monkeypatch.setenv(variable, "SPAN_ONLY")
    assert not keeps(capture_content=False)


def test_log_lines_in_scope_know_the_agent_and_the_tool(spans: Spans) -> None:
    """The context-local fields of structlog follow the handles and are put back."""
    bound = structlog.contextvars.get_contextvars
    structlog.contextvars.bind_contextvars(agent="mine")
    with agents.agent("planner", conversation_id="c1"):
        assert bound() == {"agent": "planner", "conversation_id": "c1"}
        with agents.tool("search"):
            assert bound() == {"agent": "planner", "conversation_id": "c1", "tool": "search"}
        assert bound() == {"agent": "planner", "conversation_id": "c1"}
    assert bound() == {"agent": "mine"}
    structlog.contextvars.clear_contextvars()
    assert len(spans.all) == 2


def test_a_broken_provider_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the provider raises, the program goes on as if it were not traced."""

    class Broken:
        def get_tracer(self, *_: object, **__: object) -> Any:
            raise RuntimeError("broken")

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", Broken())
    with agents.run("r"), agents.agent("planner") as planner:
        with planner.llm("m", capture_content=True) as call:
            call.input(object())
            call.usage(input="many")  # type: ignore[arg-type]  # what a caller may do nevertheless
        assert planner.carrier() == {"baggage": agents.carrier()["baggage"]}
    assert planner.trace_id == "0" * 32


def test_without_a_provider_everything_still_works() -> None:
    """With the API alone, no span is recorded and nothing raises."""
    with agents.run("r"), agents.agent("planner") as planner, planner.tool("t") as tool:
        tool.result(1)


def test_a_context_left_in_another_task_logs_no_error(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    """A handle entered in one task and left in another ends its span and complains of nothing."""

    async def stream() -> Any:
        with agents.llm("m"):
            yield 1
            yield 2

    async def read() -> None:
        numbers = stream()

        async def first() -> Any:
            return await anext(numbers)

        assert await asyncio.create_task(first()) == 1
        await asyncio.create_task(numbers.aclose())

    with caplog.at_level(logging.DEBUG):
        asyncio.run(read())

    assert [record for record in caplog.records if record.name != "asyncio"] == []
    assert spans.attribute("chat m", "otbridge.outcome") == "closed"
