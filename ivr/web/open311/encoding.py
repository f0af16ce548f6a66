"""XML and JSON as the specification has them: one tree, two ways to write it (the Spark convention)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as Xml

from aiohttp import web

TYPES = {"xml": "text/xml", "json": "application/json"}
# What a list's items are called in XML; in JSON they need no name.
ITEMS = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
# What XML 1.0 has no character for.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def response(form: str, root: str, content: Any, status: int = 200, **headers: str) -> web.Response:
    """`content` under the XML element `root`; a format that we don't know is answered in XML."""
    text = _xml(root, content) if form != "json" else json.dumps(content, ensure_ascii=False, default=_text)
    return web.Response(
        text=text, status=status, content_type=TYPES.get(form, TYPES["xml"]), charset="utf-8", headers=headers
    )


def _xml(root: str, content: Any) -> str:
    element = _element(root, content)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(element, encoding="unicode")


def _element(name: str, content: Any) -> Xml.Element:
    element = Xml.Element(name)
    match content:
        case Mapping():
            element.extend(_element(key, value) for key, value in content.items())
        case list():
            element.extend(_element(ITEMS[name], value) for value in content)
        case _:
            element.text = _text(content)
    return element


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(timespec="seconds")
        case _:
            return _NO_XML.sub("", str(value))
