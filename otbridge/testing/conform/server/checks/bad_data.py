"""S9, H5, H6: what is answered to data that nobody can decode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.check import Check, all_of, each_signal
from otbridge.testing.conform.server.requests import plain, plain_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS", "is_status"]

_GARBAGE: Final = b"\xff\xff\xff"
_BAD_REQUEST: Final = "google.rpc.BadRequest"


def is_status(answer: Answer) -> Finding:
    """Return whether an error's body is a google.rpc.Status that describes the problem."""
    if answer.accepted or not answer.answered:
        return not_applicable(answer.words)
    if not answer.body:
        return failed(f"{answer.status} with an empty body")
    try:
        status = answer.status_message()
    except ValueError as error:
        return failed(f"{answer.status} with a body that is no Status: {error}")
    if not (status.code or status.message or status.details):
        return failed(f"{answer.status} with a Status that says nothing")
    return passed(f'{answer.status}, a Status: "{status.message[:60]}"')


def _each_bad_request(judge: Callable[[Answer], Finding]) -> Callable[[Bench], Finding]:
    """Return a check's function that judges the answers to bytes cut short, and to garbage."""

    def run(bench: Bench, signal: Signal) -> Finding:
        cut_short = plain(signal)[:-1]
        return all_of(
            (word, judge(bench.export(signal, body)))
            for word, body in (("garbage", _GARBAGE), ("cut short", cut_short))
        )

    return each_signal(run)


def _json_cut_short(judge: Callable[[Answer], Finding]) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        signal = bench.served_json[0]
        return judge(bench.http.export_json(signal, plain_json(signal)[:-1]))

    return run


def _refuses_with(status: str) -> Callable[[Answer], Finding]:
    def judge(answer: Answer) -> Finding:
        return (passed if answer.status == status else failed)(answer.words)

    return judge


def _has_bad_request(answer: Answer) -> Finding:
    if answer.accepted or not answer.answered:
        return not_applicable(answer.words)
    try:
        details = answer.status_message().details
    except ValueError:
        return failed("there is no Status")
    found = any(detail.type_url.endswith(_BAD_REQUEST) for detail in details)
    return (passed if found else failed)(f"details with{'' if found else 'out'} a BadRequest")


CHECKS: Final = (
    Check(
        "S9",
        "refuses bad data with INVALID_ARGUMENT",
        _each_bad_request(_refuses_with("INVALID_ARGUMENT")),
        level="SHOULD",
        protocols=("grpc",),
    ),
    Check(
        "S9",
        "describes bad data in a BadRequest",
        _each_bad_request(_has_bad_request),
        level="MAY",
        protocols=("grpc",),
    ),
    Check(
        "H5",
        "refuses bad protobuf with 400",
        _each_bad_request(_refuses_with("400")),
        protocols=("http",),
    ),
    Check(
        "H5",
        "refuses bad JSON with 400",
        _json_cut_short(_refuses_with("400")),
        protocols=("http",),
        json=True,
    ),
    Check(
        "H5",
        "describes bad data in a BadRequest",
        _each_bad_request(_has_bad_request),
        level="SHOULD",
        protocols=("http",),
    ),
    Check(
        "H6",
        "describes errors in a Status, in protobuf",
        _each_bad_request(is_status),
        protocols=("http",),
    ),
    Check(
        "H6",
        "describes errors in a Status, in JSON",
        _json_cut_short(is_status),
        protocols=("http",),
        json=True,
    ),
)
"""In the order in which they are reported."""
