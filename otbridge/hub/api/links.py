"""`/api/v1/links` and `/l/{id}`: short links to a screen with all that was chosen on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypedDict

from otbridge.hub.access.key import Right
from otbridge.hub.api.errors import NotFound
from otbridge.hub.asgi import error_body, respond
from otbridge.hub.query.pages import page_by_key
from otbridge.hub.query.permalinks import MAX_LINKS, READERS_LINKS

if TYPE_CHECKING:
    from otbridge.hub.asgi import Receive, Scope, Send
    from otbridge.hub.query.permalinks import Permalink, Permalinks
    from otbridge.hub.store import Store

__all__ = [
    "DeletedJson",
    "LinkToSave",
    "Redirects",
    "SavedLinkJson",
    "SavedLinksJson",
    "delete_link",
    "get_links",
    "post_link",
]


class LinkToSave(TypedDict):
    """A screen's path, and what follows the question mark."""

    view: str
    arguments: dict[str, str]


class SavedLinkJson(LinkToSave):
    """A saved link; `url` is its path at the hub."""

    id: str
    url: str
    created_unix_nano: str


class SavedLinksJson(TypedDict):
    """A page of saved links, the latest first."""

    links: list[SavedLinkJson]
    next_cursor: str | None


class DeletedJson(TypedDict):
    """What was deleted."""

    deleted: str


def get_links(_: Store, asked: dict[str, Any]) -> SavedLinksJson:
    """Answer `GET /api/v1/links`."""
    links: Permalinks = asked["hub"]
    page = page_by_key(
        links.all(),
        lambda link: (-int(link.created_unix_nano), link.id),
        "links",
        asked["limit"],
        asked["cursor"],
    )
    return {"links": [_json(link) for link in page.items], "next_cursor": page.next_cursor}


def post_link(_: Store, asked: dict[str, Any]) -> SavedLinkJson:
    """Answer `POST /api/v1/links`."""
    links: Permalinks = asked["hub"]
    wanted: LinkToSave = asked["body"]
    key = asked["principal"].key
    # An open hub believes everybody.
    room = MAX_LINKS if key is None or key.grants(Right.ADMIN) else READERS_LINKS
    link, _new = links.save(wanted["view"], wanted["arguments"], time.time_ns(), room)
    return _json(link)


def delete_link(_: Store, asked: dict[str, Any]) -> DeletedJson:
    """Answer `DELETE /api/v1/links/{link_id}`."""
    links: Permalinks = asked["hub"]
    if not links.delete(asked["link_id"]):
        raise NotFound(
            "unknown_link",
            f"The hub has no link {asked['link_id'][:40]!r}.",
            "",
            "Ask /api/v1/links for those it has.",
        )
    return {"deleted": asked["link_id"]}


def _json(link: Permalink) -> SavedLinkJson:
    return {
        "id": link.id,
        "url": f"/l/{link.id}",
        "view": link.view,
        "arguments": link.arguments,
        "created_unix_nano": link.created_unix_nano,
    }


class Redirects:
    """Serves `/l/{id}`: leads to the screen that was saved.

    Where it leads was checked when it was saved: to a path of this hub, never elsewhere.
    """

    def __init__(self, links: Permalinks) -> None:
        self._links = links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer 302, 404 or 405."""
        if scope["method"] not in {"GET", "HEAD"}:
            body = error_body("method_not_allowed", "Links are only followed here.", "", "Use GET.")
            await respond(send, 405, "application/json", body, [(b"allow", b"GET, HEAD")])
            return
        # Read once and kept: from then on this is a look into memory.
        link = self._links.find(scope["path"].removeprefix("/l/"))
        if link is None:
            body = error_body(
                "unknown_link",
                "The hub has no such link.",
                "It was never saved at this hub, or it was deleted.",
                "Ask whoever sent it, or look at /api/v1/links.",
            )
            await respond(send, 404, "application/json", body)
            return
        headers = [(b"location", link.address.encode()), (b"cache-control", b"no-store")]
        await respond(send, 302, "text/plain", b"", headers)
