"""Packs give back what was put into them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otbridge.hub.store.sqlite.packs.packs import PACK_BYTES, Pack, pack, plain, split, unpack

TIMES = st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))


@given(st.lists(st.tuples(st.binary(max_size=99), st.integers(0, 2**40), st.none() | TIMES)))
def test_a_pack_gives_back_its_records(
    rows: list[tuple[bytes, int, tuple[int, int] | None]],
) -> None:
    records = [data for data, _, _ in rows]
    sources = [source for _, source, _ in rows]
    times = {place: each for place, (_, _, each) in enumerate(rows) if each}
    for form in (pack, plain):
        assert unpack(form(records, sources, times)) == Pack(records, sources, times)


@given(st.lists(st.integers(0, 2 * PACK_BYTES), max_size=40))
def test_records_are_cut_into_packs_of_about_one_size(sizes: list[int]) -> None:
    kept = [(number, bytes(size)) for number, size in enumerate(sizes)]
    *packs, rest = split(kept)
    assert [one for some in (*packs, rest) for one in some] == kept
    assert all(sum(len(data) for _, data in some[:-1]) < PACK_BYTES for some in packs)
    assert all(sum(len(data) for _, data in some) >= PACK_BYTES for some in packs)
    assert sum(len(data) for _, data in rest) < PACK_BYTES
