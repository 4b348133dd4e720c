"""A planner of our own hands over to a pydantic-ai agent in another process: one trace.

Run it: python examples/pydantic_ai_agents.py. It needs no network and no key: both models are
scripted.
"""

import os
import subprocess
import sys

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

import otbridge
from otbridge import agents
from otbridge.agents.sources import pydantic_ai


def plan() -> None:
    """Be the first process: plan, and hand over."""
    otbridge.configure("gift-planner")
    log = otbridge.get_logger(__name__)
    with (
        agents.run("gift card", conversation_id="order-7"),
        agents.agent("planner") as planner,
    ):
        with planner.llm("planner-1", provider="example") as call:
            call.usage(input=120, output=18)
        log.info("handing over", to="writer")
        with planner.handoff("writer", mode="return_to_caller"):
            writer = subprocess.run(  # noqa: S603 - this very file
                [sys.executable, __file__, "writer"],
                env=os.environ | agents.carrier("env"),
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        print(writer.stdout.strip())


def write() -> None:
    """Be the second process: a pydantic-ai agent that goes on in the planner's trace."""
    otbridge.configure("gift-writer")
    pydantic_ai.instrument()
    writer = Agent(FunctionModel(_scripted, model_name="scribe-2"), name="writer")

    @writer.tool_plain
    def check_spelling(text: str) -> int:
        """Return the number of mistakes in the text."""
        otbridge.get_logger(__name__).info("checking", length=len(text))
        return 0

    with agents.continue_from(os.environ) as here:
        card = writer.run_sync("Word a gift card.", conversation_id=here.conversation_id)
    print(card.output)


def _scripted(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
    card = "Something that lasts, because the best days do."
    if len(messages) == 1:
        return ModelResponse([ToolCallPart("check_spelling", {"text": card})])
    return ModelResponse([TextPart(card)])


if __name__ == "__main__":
    if sys.argv[1:] == ["writer"]:
        write()
    else:
        plan()
