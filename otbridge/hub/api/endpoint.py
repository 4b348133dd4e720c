"""An endpoint of the API as data: its arguments are parsed and documented from one description."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from otbridge.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otbridge.hub.store import Store

__all__ = ["Endpoint", "Parameter", "read_arguments"]


class Parameter(NamedTuple):
    """One argument of a question."""

    name: str
    read: Callable[[str, Any], Any]
    """Turns its name and text into a value, or raises QueryError."""
    about: str
    schema: dict[str, Any]
    """Its JSON schema, as the OpenAPI document shows it."""
    default: Any = None
    in_path: bool = False
    many: bool = False
    """Whether it may be given several times; *read* gets the list of its texts."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One question that can be asked by GET, or one thing that can be done."""

    path: str
    """Below `/api/v1`, with `{name}` for arguments in the path."""
    about: str
    """What it answers, in a sentence."""
    answer: Any
    """The type of its JSON."""
    handle: Callable[[Store, dict[str, Any]], Any]
    """Answers in a worker thread; the arguments have their values by name, None where left out."""
    parameters: tuple[Parameter, ...] = field(default=())
    look: Callable[[Any], Any] | None = None
    """Reads what the answer needs of the application's own state, on the event loop that owns it;
    the result is the argument `hub`."""
    method: str = "GET"
    body: Any = None
    """The type of the JSON that is sent with it, which becomes the argument `body`."""


def read_arguments(
    endpoint: Endpoint, in_path: Mapping[str, str], in_query: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Return the values of the endpoint's arguments by name.

    An empty argument counts as left out, as forms send them.

    Raises:
        QueryError: One is unknown, comes twice, or cannot be read.
    """
    values = {parameter.name: parameter.default for parameter in endpoint.parameters}
    known = {parameter.name: parameter for parameter in endpoint.parameters}
    for name, text in in_path.items():
        values[name] = known[name].read(name, text)
    seen: dict[str, list[str]] = {}
    for name, text in in_query:
        parameter = known.get(name)
        if parameter is None or parameter.in_path:
            raise _unknown(name, [key for key, value in known.items() if not value.in_path])
        if name in seen and not parameter.many:
            raise QueryError(f"{name} is given twice.", "It can have one value.", "Give one.")
        seen.setdefault(name, []).extend([text] if text else [])
    for name, texts in seen.items():
        if texts:
            read = known[name].read
            values[name] = read(name, texts) if known[name].many else read(name, texts[0])
    return values


def _unknown(name: str, known: list[str]) -> QueryError:
    close = difflib.get_close_matches(name[:40], known, n=1)
    return QueryError(
        f"There is no argument {name[:40]!r} here.",
        f"Known are {', '.join(known)}." if known else "This address takes none.",
        f"Did you mean {close[0]}?" if close else "Leave it out.",
    )
