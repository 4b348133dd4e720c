"""Runs of AI agents as spans, by the OpenTelemetry GenAI conventions, in any process.

    with agents.run("support case", conversation_id="c1"), agents.agent("planner") as planner:
        with planner.llm("gpt-5", provider="openai") as call:
            call.input(messages)
            call.output(answer, finish="stop")
            call.usage(input=310, output=92)
        with planner.tool("search", arguments={"q": "…"}) as tool:
            tool.result(found)
        with planner.handoff("billing"):
            queue.send(job, agents.carrier("queue"))

    with agents.continue_from(message.carrier), agents.agent("billing"):   # elsewhere
        ...

Verbs: `run`, `agent`, `llm`, `tool`, `handoff`, `retrieval`, `memory`, `plan`, `step`. Each is a
context manager, an async one, and a decorator for functions, coroutine functions, generators and
methods. `planner.tool` is the planner's child from whatever thread or task it is called.

Works with whatever OpenTelemetry provider the program has and imports nothing but its API. Never
raises into the code it watches; exceptions of that code are recorded and go on.
"""

from __future__ import annotations

from typing import Final

from otbridge.agents.actors import AgentHandle, PlanHandle, RunHandle, StepHandle
from otbridge.agents.binding import bind, executor
from otbridge.agents.carriers import Continued, carrier, continue_from, link_from
from otbridge.agents.handle import Handle, current
from otbridge.agents.lookups import MemoryHandle, RetrievalHandle
from otbridge.agents.model_call import LlmHandle
from otbridge.agents.tool_call import HandoffHandle, ToolHandle
from otbridge.agents.verbs import Verbs

__all__ = [
    "AgentHandle",
    "Continued",
    "Handle",
    "HandoffHandle",
    "LlmHandle",
    "MemoryHandle",
    "PlanHandle",
    "RetrievalHandle",
    "RunHandle",
    "StepHandle",
    "ToolHandle",
    "agent",
    "bind",
    "carrier",
    "continue_from",
    "current",
    "executor",
    "handoff",
    "link_from",
    "llm",
    "memory",
    "plan",
    "retrieval",
    "run",
    "step",
    "tool",
]

_here: Final = Verbs()

run = _here.run
agent = _here.agent
llm = _here.llm
tool = _here.tool
handoff = _here.handoff
retrieval = _here.retrieval
memory = _here.memory
plan = _here.plan
step = _here.step
