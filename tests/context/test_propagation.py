from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context

from otbridge.context import propagation
from otbridge.context.correlation import correlation
from otbridge.errors import ConfigurationError

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def span_context(context: Any) -> Any:
    return trace.get_current_span(context).get_span_context()


def test_a_traceparent_is_read_in_any_case_and_as_bytes() -> None:
    for carrier in ({"TraceParent": PARENT}, {"traceparent": PARENT.encode()}):
        found = span_context(propagation.extract(carrier))
        assert f"{found.trace_id:032x}" == PARENT[3:35]
        assert found.is_remote


def test_what_was_injected_is_extracted_again() -> None:
    with propagation.continued({"traceparent": PARENT, "tracestate": "a=1"}), correlation("c"):
        carrier: dict[str, str] = {"mine": "stays"}
        written = propagation.inject(carrier)
    assert carrier == {"mine": "stays"} | written
    assert written["traceparent"] == PARENT
    assert written["tracestate"] == "a=1"
    assert "correlation.id=c" in written["baggage"]


def test_nothing_is_written_where_there_is_no_context() -> None:
    assert propagation.inject(within=Context()) == {}


@pytest.mark.parametrize("carrier", [None, {}, {"traceparent": "garbage"}, {"baggage": "x" * 9000}])
def test_a_missing_or_damaged_carrier_starts_anew(carrier: Any) -> None:
    assert not span_context(propagation.extract(carrier)).is_valid


@given(st.dictionaries(st.sampled_from(["traceparent", "tracestate", "baggage"]), st.text()))
def test_no_carrier_whatever_raises(carrier: Any) -> None:
    propagation.extract(carrier)


def test_an_oversize_baggage_header_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    propagation.extract({"baggage": "secret=" + "x" * 9000})
    assert not caplog.records


def test_a_child_process_gets_the_context_in_its_environment() -> None:
    with propagation.continued({"traceparent": PARENT}):
        environ = propagation.environment_carrier({"PATH": "/bin", "TRACESTATE": "stale=1"})
    assert environ == {"PATH": "/bin", "TRACEPARENT": PARENT}
    assert propagation.read_environment_carrier(environ) == {"traceparent": PARENT}


def test_propagators_are_made_by_name() -> None:
    made = propagation.make_propagator(["baggage", "TraceContext"])
    assert made.fields == {"traceparent", "tracestate", "baggage"}
    assert propagation.make_propagator(["none", "baggage"]).fields == set()


def test_a_propagator_that_is_not_installed_says_which_are() -> None:
    with pytest.raises(ConfigurationError, match=r"'b4'.*tracecontext"):
        propagation.make_propagator(["b4"])
