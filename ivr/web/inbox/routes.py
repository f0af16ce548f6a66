"""Where the parts of the inbox are."""

from __future__ import annotations

from functools import partial

from ivr.web.inbox import bulk, page, saved, stream
from ivr.web.inbox.names import NameBook
from ivr.web.panel.visit import Route


def routes() -> list[Route]:
    book = NameBook()
    deeds = {
        "refer": bulk.refer,
        "hand": bulk.hand,
        "accept": bulk.accept,
        "pause": bulk.pause,
        "close": bulk.close,
        "collect": bulk.collect,
    }
    return [
        Route("GET", "/panel/inbox", "inbox", partial(page.inbox, book)),
        Route("GET", "/panel/inbox/rows/{codes}", "inbox.rows", partial(page.rows, book)),
        Route("GET", "/panel/inbox/events", "inbox.stream", partial(stream.stream, book)),
        *(
            Route("POST", f"/panel/inbox/{name}", f"inbox.{name}", partial(act, book))
            for name, act in deeds.items()
        ),
        Route("POST", "/panel/inbox/views", "inbox.views.save", partial(saved.save, book)),
        Route("POST", "/panel/inbox/views/{view}/remove", "inbox.views.remove", saved.remove),
    ]
