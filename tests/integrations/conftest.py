"""The provider of the agents' tests: a real one for each test."""

from tests.agents.conftest import Spans, spans

__all__ = ["Spans", "spans"]
