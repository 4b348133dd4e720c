"""A ClickHouse that asks for a password behind TLS: who gets in, who is refused, what is told."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter, SessionFilter, TraceFilter
from otbridge.hub.tenants.names import address_of
from tests.contract.store.front import Front
from tests.contract.store.server import Server, free_port
from tests.faults.rows.authority import Authority
from tests.hub.access.conftest import new_key
from tests.hub.hub_process import HubProcess
from tests.hub.store.builders import log, span, store_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.store import Store

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="certificates are made by the openssl command"
)

USER = "ada"
SECRET = 'p\N{LATIN SMALL LETTER A WITH DIAERESIS}ss:"@/\N{SNOWMAN}'
PLAIN_SECRET = "correct-horse-battery"

_ALL = "GRANT SELECT, INSERT, ALTER, CREATE, DROP"
RIGHTS = (f"{_ALL} ON {{}}.*", "GRANT SELECT ON system.parts", "GRANT TABLE ENGINE ON *")
TENANTS_RIGHTS = f"{_ALL} ON {{}}__*.*"
"""What the documentation has given to the hub's user; `{}` is the database."""

LOGS = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "paid"}}]}]}]}

_databases = count(1)


@pytest.fixture(scope="module")
def guarded(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose users have passwords."""
    assert server.answers()  # which is asked for because it says what is missing
    folder = tmp_path_factory.mktemp("guarded")
    users = folder / "users.xml"
    config = folder / "config.xml"
    users.write_text(
        "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users>"
        # The engine itself comes in as this one.
        f"{_user('default', '')}{_user(USER, SECRET)}{_user('bob', PLAIN_SECRET)}"
        f"{_user('carol', SECRET, *RIGHTS)}{_user('dora', SECRET, *RIGHTS, TENANTS_RIGHTS)}"
        "</users></clickhouse>"
    )
    config.write_text(
        f"<clickhouse><users_config>{users}</users_config><access_control_improvements>"
        # As servers are delivered, whose rights are stricter than the engine's own defaults.
        "<select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>"
        "<table_engines_require_grant>true</table_engines_require_grant>"
        "</access_control_improvements></clickhouse>"
    )
    running = Server(folder / "server", tcp_port=free_port(), config=config)
    running.start()
    yield running
    running.end()


def _user(name: str, password: str, *rights: str) -> str:
    queries = "".join(f"<query>{right.format(name)}</query>" for right in rights)
    grants = f"<grants>{queries}</grants>" if rights else ""
    return (
        f"<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>"
        f"<profile>default</profile><quota>default</quota>{grants}</{name}>"
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that signed the server's certificate."""
    return Authority(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture(scope="module")
def front(guarded: Server, ours: Authority) -> Iterator[Front]:
    """The server behind TLS."""
    with Front(guarded.http_port, ours.issue("clickhouse")) as running:
        yield running


@pytest.fixture
def place(front: Front) -> str:
    """Where a store may be that holds nothing yet."""
    return f"localhost:{front.port}/secure_{next(_databases)}"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTBRIDGE_CLICKHOUSE_PASSWORD", SECRET)


def refused(address: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        open_store(address)
    assert SECRET not in f"{caught.value} {caught.value!r}"
    return caught.value


def holds_what_is_stored(store: Store) -> None:
    with closing(store):
        store_now(store, span(), log("said", trace=1))
        assert [found.row.body_text for found in store.logs(LogFilter(), 9)] == ["said"]
        assert len(store.traces(TraceFilter(), 9)) == 1


def test_the_authority_that_ca_names_and_the_password_let_in(place: str, ours: Authority) -> None:
    """With a password of any characters, which no HTTP header could have as a text."""
    holds_what_is_stored(open_store(f"clickhouse://{USER}@{place}?ca={ours.certificate}"))


def test_an_address_in_the_certificate_is_as_good_as_a_name(place: str, ours: Authority) -> None:
    by_number = place.replace("localhost", "127.0.0.1", 1)
    address = f"clickhouse://{USER}@{by_number}?secure=1&ca={ours.certificate}"
    holds_what_is_stored(open_store(address))


def test_a_server_of_another_authority_is_told_nothing(
    front: Front, place: str, ours: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    theirs = Authority(tmp_path_factory.mktemp("certificates") / "theirs")
    before = front.sent
    for ca in (f"&ca={theirs.certificate}", ""):  # an authority that did not sign it; the system's
        said = refused(f"clickhouse://{USER}@{place}?secure=1{ca}")
        assert "Its certificate proves nothing, and nothing was sent to it." in said.why
        assert "unable to get local issuer certificate" in said.why
        assert said.do.startswith("Let ca name a PEM file")
    assert front.sent == before


def test_a_server_under_a_name_that_is_not_its_own_is_told_nothing(
    guarded: Server, ours: Authority
) -> None:
    elsewhere = ours.issue("elsewhere", hosts="DNS:elsewhere.example")
    with Front(guarded.http_port, elsewhere) as front:
        for host in ("localhost", "127.0.0.1"):
            said = refused(f"clickhouse://{USER}@{host}:{front.port}/x?ca={ours.certificate}")
            assert "certificate is not valid for" in said.why
            assert said.do == "Write the host in the address as the certificate has it."
        assert front.sent == 0


def test_a_server_whose_certificate_has_expired_is_told_nothing(
    guarded: Server, ours: Authority
) -> None:
    with Front(guarded.http_port, ours.issue("old", days=-1)) as front:
        said = refused(f"clickhouse://{USER}@localhost:{front.port}/x?ca={ours.certificate}")
        assert "certificate has expired" in said.why
        assert said.do == "Renew the server's certificate."
        assert front.sent == 0


def test_encryption_on_one_side_only_is_named(guarded: Server, place: str) -> None:
    said = refused(f"clickhouse://{USER}@127.0.0.1:{guarded.http_port}/x?secure=1")
    assert said.why == "It speaks no TLS there."
    assert "https_port" in said.do
    said = refused(f"clickhouse://{USER}@{place}")
    assert "add secure=1" in said.do


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_authorities_that_cannot_be_read_are_named(
    content: str | None, place: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    if content:
        path.write_text(content)
    said = refused(f"clickhouse://{USER}@{place}?ca={path}")
    assert said.what == f"The authorities in {path} cannot be used."


@pytest.mark.parametrize("entry", [f"{USER}:wrong", "stranger"])
def test_a_wrong_password_is_refused(entry: str, place: str, ours: Authority) -> None:
    said = refused(f"clickhouse://{entry}@{place}?ca={ours.certificate}")
    assert said.what == "ClickHouse does not let the hub in."
    assert "Authentication failed" in said.why
    assert "wrong" not in str(said)


def test_the_rights_that_the_documentation_names_are_enough(
    front: Front, ours: Authority, tmp_path: Path
) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/scale-past-one-machine.md").read_text()
    for right in (*RIGHTS, TENANTS_RIGHTS):
        assert f"{right.format('otel')} TO otbridge;" in page
    address = f"clickhouse://dora@localhost:{front.port}/dora?ca={ours.certificate}"
    for place in (address, address_of(address, tmp_path, "acme")):
        store = open_store(place)
        with closing(store):
            assert store.totals().bytes == 0
            assert store.expire().result(20).bytes == 0
            assert store.metrics() == []
            assert store.sessions(SessionFilter(), 9) == []
        holds_what_is_stored(open_store(place))


def test_a_tenant_whose_database_may_not_be_made_is_told_to_wait_and_the_log_says_why(
    front: Front, ours: Authority, tmp_path: Path
) -> None:
    """The others go on; nothing of it was acknowledged."""
    keys = [
        {"authorization": f"Bearer {new_key(tmp_path, 'write', *words)['key']}"}
        for words in ((), ("--tenant", "acme"))
    ]
    store = f"clickhouse://carol@localhost:{front.port}/carol?ca={ours.certificate}"
    with HubProcess(tmp_path, "--store", store) as hub:
        own, tenants = (hub.http.post("/v1/logs", json=LOGS, headers=key) for key in keys)
        code, errors = hub.end()
    assert (own.status_code, tenants.status_code, code) == (200, 503, 0)
    assert "The hub's log says why" in tenants.text
    assert "The records of the tenant acme cannot be opened: ClickHouse does not let" in errors
    assert "CREATE DATABASE ON carol__acme.*" in errors


def test_a_hub_tells_its_password_to_nobody(
    place: str,
    ours: Authority,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Not where it shows what it does, nor in its log, nor in any file of its own."""
    monkeypatch.setenv("OTBRIDGE_CLICKHOUSE_PASSWORD", PLAIN_SECRET)
    data = tmp_path_factory.mktemp("hub") / "data"
    store = f"clickhouse://bob@{place}?ca={ours.certificate}"
    with HubProcess(data, "--store", store) as hub:
        assert hub.http.post("/v1/logs", json=LOGS).status_code == 200
        hub.wait_until_stored()
        shown = hub.http.get("/api/v1/logs").text
        assert json.loads(shown)["logs"][0]["body"] == "paid"
        for path in ("/api/v1/stats", "/api/v1/openapi.json", "/healthz", "/"):
            shown += hub.http.get(path).text
        code, errors = hub.end()
    assert (code, errors) == (0, "")
    kept = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert PLAIN_SECRET not in shown
    assert PLAIN_SECRET.encode() not in kept


@pytest.mark.parametrize("packing", ["zstd", "gzip"])
def test_compressed_the_same_takes_a_third_of_the_bytes(
    packing: str, guarded: Server, ours: Authority
) -> None:
    """At the least, and in both directions."""
    taken: dict[str, tuple[int, int]] = {}
    for compression in (packing, "none"):
        with Front(guarded.http_port, ours.issue(f"counted-{packing}-{compression}")) as front:
            store = open_store(
                f"clickhouse://{USER}@localhost:{front.port}/packed_{packing}_{compression}"
                f"?ca={ours.certificate}&compression={compression}"
            )
            with closing(store):
                rows = [log(f"order {number} accepted", at=number) for number in range(500)]
                sent, answered = front.sent, front.answered
                store_now(store, *rows)
                sent = front.sent - sent
                found = store.logs(LogFilter(), 500)
                taken[compression] = (sent, front.answered - answered)
            assert sorted(one.row.body_text for one in found) == sorted(
                row.body_text for row in rows
            )
    assert taken[packing][0] * 3 < taken["none"][0]
    assert taken[packing][1] * 3 < taken["none"][1]
