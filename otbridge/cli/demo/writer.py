"""The demo's second agent, in a process of its own, taking its work from a queue.

The queue is a plain local socket with one JSON message per job. The message carries the
caller's trace context, as a message of any real queue would.
"""

from __future__ import annotations

import json
import logging
import threading
from multiprocessing.connection import Client, Connection, Listener

import otbridge
from otbridge import agents
from otbridge.cli.demo import model

__all__ = ["hand_over", "serve"]

# The standard library's logging, on purpose: old code joins the trace as it is.
log = logging.getLogger("gift.writer")


def hand_over(port: int, job: dict[str, str], carrier: dict[str, str]) -> str:
    """Put *job* on the queue of the writer at *port* and wait for the card that it writes."""
    with Client(("127.0.0.1", port)) as connection:
        connection.send_bytes(json.dumps({"job": job, "carrier": carrier}).encode())
        answer: dict[str, str] = json.loads(connection.recv_bytes())
    return answer["card"]


def serve() -> None:
    """Write cards until the process ends; prints `ready PORT` when it takes work."""
    otbridge.configure("gift-writer")
    with Listener(("127.0.0.1", 0)) as listener:
        print(f"ready {listener.address[1]}", flush=True)
        while True:
            connection = listener.accept()
            threading.Thread(target=_work, args=(connection,), daemon=True).start()


def _work(connection: Connection) -> None:
    with connection:
        message = json.loads(connection.recv_bytes())
        with agents.continue_from(message["carrier"]):
            card = _write(message["job"])
        connection.send_bytes(json.dumps({"card": card}).encode())


def _write(job: dict[str, str]) -> str:
    with agents.agent("writer") as writer:
        log.info("writing a card", extra={"gift": job["gift"]})
        prompt = f"Word a gift card for {job['name']}, who gets {job['gift']}."
        with writer.llm("scribe-2", provider=model.PROVIDER) as call:
            call.input([{"role": "user", "content": prompt}])
            answer = model.chat("write", prompt, **job)
            call.output([{"role": "assistant", "content": answer.text}], finish="stop")
            call.usage(input=answer.input_tokens, output=answer.output_tokens)
        with writer.tool("check_spelling", arguments={"text": answer.text}) as tool:
            model.pause(0.08)
            tool.result({"mistakes": 0})
        log.info("card written", extra={"length": len(answer.text)})
        return answer.text
