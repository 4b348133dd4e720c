"""The manual's fault table: whole, and every proof that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
TABLE = TESTS.parent / "docs" / "reference" / "fault-table.md"
_ROW = re.compile(r"^\| (\d+) \|.*\|(.*)\|$", re.MULTILINE)
_TEST = re.compile(r"^([\w/]+\.py)::(test_\w+)$")
_SCRIPT = re.compile(r"^(ts-bridge/[\w/.-]+\.test\.ts): (.+)$")
_PROGRAM = re.compile(r"^python -m ([\w.]+)$")


def proofs() -> dict[int, list[str]]:
    rows = _ROW.findall(TABLE.read_text("utf-8"))
    return {int(number): re.findall(r"`([^`]+)`", proven) for number, proven in rows}


def exists(proof: str) -> bool:
    """Whether a test, or a program, of that name is there."""
    if test := _TEST.match(proof):
        file = TESTS / test[1]
        return file.is_file() and f"\ndef {test[2]}(" in file.read_text("utf-8")
    if script := _SCRIPT.match(proof):
        file = TESTS.parent / script[1]
        return file.is_file() and f'test("{script[2]}"' in file.read_text("utf-8")
    if program := _PROGRAM.match(proof):
        place = TESTS.parent / program[1].replace(".", "/")
        return place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()
    return False


def test_every_row_is_there_in_its_order() -> None:
    rows = list(proofs())
    assert len(rows) >= 51
    assert rows == list(range(1, len(rows) + 1))


def test_every_row_names_a_proof_and_every_proof_exists() -> None:
    for number, named in proofs().items():
        assert named, f"row {number} has no proof"
        for proof in named:
            assert exists(proof), f"row {number}: there is no {proof}"


def test_a_proof_that_does_not_exist_is_noticed() -> None:
    assert not exists("faults/rows/test_table.py::test_that_nobody_has_written")
    assert not exists("python -m tests.faults.rows.nothing")
    assert not exists("ts-bridge/sdk/test/delivery.test.ts: nothing of that kind")
    assert not exists("some words")
