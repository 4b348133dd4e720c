"""The demo's second service: an agent that plans, looks things up, and hands off.

`GET /advice?name=…&wish=…` answers with a gift and the text of its card.
"""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, HTTPException

import otbridge
from otbridge import agents
from otbridge.cli.demo import model
from otbridge.cli.demo.writer import hand_over
from otbridge.integrations import fastapi as fastapi_integration

__all__ = ["create_app"]

_CATALOGUE: Final[dict[str, dict[str, str | int]]] = {
    "something that lasts": {"gift": "walnut music box", "price": 48},
    "something to read": {"gift": "atlas of remote islands", "price": 32},
}


class SoldOutError(LookupError):
    """The catalogue has nothing that fits the wish."""


def create_app(writer_port: int) -> FastAPI:
    """Build the service; *writer_port* is where the writer agent takes its work."""
    otbridge.configure("gift-advice")
    log = otbridge.get_logger("gift.advice")
    app = FastAPI(title="gift-advice", openapi_url=None)

    @app.get("/advice")
    def advice(name: str, wish: str) -> dict[str, str | int]:
        with agents.run("gift advice"), agents.agent("planner") as planner:
            log.info("planning", wish=wish)
            prompt = f"Plan how to find a gift for {name}, who wants {wish}."
            with planner.llm("planner-1", provider=model.PROVIDER) as call:
                call.input([{"role": "user", "content": prompt}])
                answer = model.chat("plan", prompt)
                call.output([{"role": "assistant", "content": answer.text}], finish="stop")
                call.usage(input=answer.input_tokens, output=answer.output_tokens)
            try:
                found = _search(planner, wish)
            except SoldOutError as error:
                log.warning("nothing found", wish=wish)
                raise HTTPException(status_code=404, detail=str(error)) from error
            log.info("gift chosen", **found)
            with planner.handoff("writer", mode="return_to_caller"):
                job = {"name": name, "gift": str(found["gift"])}
                card = hand_over(writer_port, job, agents.carrier("queue"))
            return {**found, "card": card}

    def _search(planner: agents.AgentHandle, wish: str) -> dict[str, str | int]:
        with planner.tool("search_catalogue", arguments={"wish": wish}) as tool:
            log.info("searching", entries=len(_CATALOGUE))
            model.pause(0.15)
            if wish not in _CATALOGUE:
                raise SoldOutError(f"nothing in the catalogue is {wish!r}")
            found = _CATALOGUE[wish]
            tool.result(found)
            return found

    fastapi_integration.instrument(app)
    return app
