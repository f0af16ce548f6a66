"""`/api/openapi.json`: the API described for machines, from the very models that check it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from ivr.web.api import models

Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
_READ, _WRITTEN = (
    (models.NewCase, models.SuggestionQuestion),
    (
        *(models.Case, models.Cases, models.Suggested, models.Topic, models.Named, models.Wrong),
        *(models.MeetingSession, models.Sessions, models.Order, models.Orders, models.MeetingReport),
    ),
)
_TITLES = {
    model.__name__: title for model in (*_READ, *_WRITTEN) if (title := model.model_config.get("title"))
}


class _OnTheWire(GenerateJsonSchema):
    """Schemas have their models' names, or titles: a contract, whatever a class is called here."""

    def normalize_name(self, name: str) -> str:
        return _TITLES.get(name) or super().normalize_name(name)


_, _SCHEMAS = models_json_schema(
    [(model, "validation") for model in _READ] + [(model, "serialization") for model in _WRITTEN],
    ref_template=_REF,
    schema_generator=_OnTheWire,
)
_WRONG = {
    400: "Something about the request won't do; `field` says what.",
    401: "No token, or one that is unknown or was revoked.",
    403: "The channel has not the right to this.",
    429: "Too many requests within a minute; Retry-After tells when.",
    503: "The books can't be reached now; Retry-After tells when.",
}


def _content(model: str) -> Json:
    many, schema = model.endswith("[]"), {"$ref": _REF.format(model=model.removesuffix("[]"))}
    return {"application/json": {"schema": {"type": "array", "items": schema} if many else schema}}


def _answers(status: int, says: str, model: str, others: Mapping[int, str] = MappingProxyType({})) -> Json:
    """`model` with [] behind it: a list of them."""
    wrong = {**_WRONG, **others}
    answers = {str(code): {"description": text, "content": _content("Wrong")} for code, text in wrong.items()}
    return {str(status): {"description": says, "content": _content(model)}} | answers


def _query(name: str, says: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "required": False, "description": says, "schema": schema}


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name of the client's own for this request: sending it again opens no second case.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
_SOUND: Json = {
    "type": "object",
    "required": ["case"],
    "properties": {
        "case": {"$ref": _REF.format(model="NewCase")},
        "audio": {
            "type": "string",
            "format": "binary",
            "description": "WAV, one channel, 16 bits, 8,000 or 16,000 samples a second, at most 10 MB. "
            "Not empty: without a recording leave this part out.",
        },
    },
}
_SIZES = {
    408: "The body did not come in time; send it again.",
    413: "The body is too large.",
    415: "The body is no JSON.",
}
_OPENED = _answers(
    201,
    "The case is open.",
    "Case",
    {
        **_SIZES,
        409: "The Idempotency-Key stands for another request.",
        415: "The body is neither JSON nor multipart/form-data.",
    },
)
_CODE: Json = {
    "name": "code",
    "in": "path",
    "required": True,
    "description": "A tracking code; blanks and dashes don't matter.",
    "schema": {"type": "string"},
}
_DAY: Json = {"type": "string", "format": "date"}
_SESSION: Json = {"type": "integer", "minimum": 1, "maximum": 2147483647}
_NUMBER: Json = {
    "name": "number",
    "in": "path",
    "required": True,
    "description": "Of the session.",
    "schema": _SESSION,
}
_PAGED = [
    _query("limit", "How many.", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
    _query("after", "The code of the last one seen.", {"type": "string", "pattern": "^([1-9][0-9]{9})?$"}),
]
PATHS: Json = {
    "/cases": {
        "post": {
            "operationId": "openCase",
            "summary": "Open a case for a citizen",
            "parameters": [_KEY],
            "requestBody": {
                "required": True,
                "content": _content("NewCase")
                | {
                    "multipart/form-data": {
                        "schema": _SOUND,
                        "encoding": {
                            "case": {"contentType": "application/json"},
                            "audio": {"contentType": "audio/wav"},
                        },
                    }
                },
            },
            "responses": _OPENED
            | {"200": _OPENED["201"] | {"description": "It was open already: the same key."}},
        },
        "get": {
            "operationId": "listCases",
            "summary": "The cases that this channel sent, newest first",
            "parameters": _PAGED,
            "responses": _answers(200, "A page of them.", "Cases"),
        },
    },
    "/cases/{code}": {
        "get": {
            "operationId": "readCase",
            "summary": "How a case stands that this channel sent",
            "parameters": [_CODE],
            "responses": _answers(200, "The case.", "Case", {404: "This channel sent no such case."}),
        }
    },
    "/suggestions": {
        "post": {
            "operationId": "suggest",
            "summary": "Topic and agency for words, without opening a case",
            "requestBody": {"required": True, "content": _content("Question")},
            "responses": _answers(
                200, "The likeliest three.", "Suggested", _SIZES | {503: "Nothing can be suggested now."}
            ),
        }
    },
    "/meetings/sessions": {
        "get": {
            "operationId": "listSessions",
            "summary": "Sessions at which officials meet citizens",
            "parameters": [_query("since", "From that day on; without it, of a year.", _DAY)],
            "responses": _answers(200, "By day.", "Sessions"),
        }
    },
    "/meetings/sessions/{number}/report": {
        "get": {
            "operationId": "readReport",
            "summary": "A session's report as facts, with its orders as they stand now",
            "parameters": [_NUMBER],
            "responses": _answers(200, "The report.", "Report", {404: "There is no such session."}),
        }
    },
    "/meetings/orders": {
        "get": {
            "operationId": "listOrders",
            "summary": "Orders as they stand now, newest first",
            "parameters": [_query("session", "Only those of that session.", _SESSION), *_PAGED],
            "responses": _answers(200, "A page of them.", "Orders"),
        }
    },
    "/meetings/orders/{code}": {
        "get": {
            "operationId": "readOrder",
            "summary": "How an order stands",
            "parameters": [_CODE],
            "responses": _answers(200, "The order.", "Order", {404: "None that this channel may see."}),
        }
    },
    "/topics": {
        "get": {
            "operationId": "listTopics",
            "summary": "All topics",
            "responses": _answers(200, "In the menu's order.", "Topic[]"),
        }
    },
    "/counties": {
        "get": {
            "operationId": "listCounties",
            "summary": "All counties of the province",
            "responses": _answers(200, "All of them.", "Named[]"),
        }
    },
}
DOCUMENT: Json = {
    "openapi": "3.1.0",
    "info": {
        "title": "Seda 111: cases for other systems",
        "version": "1",
        "description": "Register and follow citizens' cases, under the same rules and codes as by telephone.",
    },
    "servers": [{"url": "/api/v1"}],
    "security": [{"token": []}],
    "paths": PATHS,
    "components": {
        "schemas": _SCHEMAS["$defs"],
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer", "description": "`ivr channel add` prints it."}
        },
    },
}
