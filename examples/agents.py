"""Two agents: the first asks a model, uses a tool, and hands over to the second."""

import otbridge
from otbridge import agents

otbridge.configure("assistant")

with agents.run("answer a question"), agents.agent("planner") as planner:
    with planner.llm("small-1", provider="example") as call:
        call.usage(input=120, output=18)
    with planner.tool("search", arguments={"query": "music boxes"}) as tool:
        tool.result(["walnut", "cherry"])
    with planner.handoff("writer"), agents.agent("writer") as writer:
        with writer.llm("small-1", provider="example") as call:
            call.usage(input=90, output=60)
