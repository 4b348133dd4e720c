"""The benchmark of questions works, with a store that is small: no time is judged here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks import hub_queries
from tests.benchmarks.hub_questions import questions

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_question_has_an_answer_while_rows_come_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program ends with a row for each question, none of which took too long."""
    monkeypatch.setattr(hub_queries, "WARM_UP_S", 0.2)
    hub_queries.main(rows=2_000, questions=1, data=tmp_path / "hub")
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    for question in questions():
        (row,) = (line for line in rows if line.startswith(f"| {question.name} |"))
        assert row.endswith("|  |  |"), row  # nothing was given up after two seconds
    assert any(line.startswith("| a line, until a viewer has it |") for line in rows)
