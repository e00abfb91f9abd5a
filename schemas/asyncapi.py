"""The outside's view of the catalogue as an AsyncAPI 3.0 document: what apps, clients and system owners can touch.

Schemas are written in the dialect AsyncAPI tools read (a superset of JSON Schema draft 7); `schemas/json/` has the same
in 2020-12.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.base import Event
from schemas.events import ClientMessageBase
from schemas.shapes import Untitled, as_written, examples
from schemas.topics import CATALOGUE, CLIENT, SYSTEM, UPSTREAM, Topic

WHERE: Final = "schemas/asyncapi.yaml"
VERSION: Final = "1.0.0"
OUTSIDE: Final = frozenset({UPSTREAM, CLIENT, SYSTEM})
_BINDINGS: Final = "0.5.0"

_INTRODUCTION: Final = """\
Privacy requests as events. An upstream app publishes a request, and later what the person answers; it follows the
public status on a topic of its own. A client (a merchant whose parcels we ship) finds the requests about its records on
a topic of its own and replies. A system of record may take its tasks from a topic and account for them itself.

* Any Kafka client will do: JSON in UTF-8, SASL/SCRAM-SHA-256, and a user that can reach these topics and no other.
* `send` is what we publish, `receive` what we read.
* Unknown fields are ignored; leave out what you do not know. New optional fields may appear at any time.
* Submissions are idempotent by `source` and `submission_id`; everything else by its ids. Delivery is at least once.
* What breaks a rule is answered with the status `rejected`, naming every field and rule, never a value.
* Tokens are capabilities: send them back as they came, and keep them out of logs.
"""
_PARAMETERS: Final = {
    "source": ("the upstream app, as it was registered", "webform"),
    "client": ("the client, as it was registered", "birch-outfitters"),
    "system": ("the system, as the data map names it", "billing"),
}
_OURS: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type")
"""The headers that every record of ours carries."""
_HEADERS: Final = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {"type": "string", "description": "identity of the event"},
    "ce_source": {"type": "string", "description": "who published it"},
    "ce_type": {"type": "string", "description": "rightsbus.<class>.v1"},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_subject": {"type": "string", "description": "the request's id"},
    "ce_dataschema": {"type": "string", "description": "urn:rightsbus:schema:<class>:v1"},
    "ce_causationid": {"type": "string", "description": "identity of the event this one follows from"},
    "traceparent": {"type": "string", "description": "W3C trace context"},
    "content-type": {
        "type": "string",
        "description": (
            "application/json; from outside also application/cloudevents+json (structured mode); on privacy.requests "
            "and privacy.answers also application/jose: the value is a compact JWE (ECDH-ES+A256KW, A256GCM) of the "
            "JSON, to the key that `rightsbus sources key` prints"
        ),
    },
}


class _Readable(yaml.SafeDumper):
    """Writes everything out, and text of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002  PyYAML's own signature
        """Nothing is written as a reference to something written before."""
        return True


_Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text.strip() else None
    ),
)


def text() -> str:
    """Return the document as YAML, always the same for the same catalogue."""
    told = yaml.dump(document(), Dumper=_Readable, sort_keys=False, allow_unicode=True, width=110)
    return f"# Written by `python -m schemas generate`; edit schemas/topics.py and the classes it names.\n{told}"


def document() -> dict[str, Any]:
    """Return the document as plain values."""
    topics = [topic for topic in CATALOGUE if OUTSIDE & {*topic.writers, *topic.readers}]
    kinds = [kind for topic in topics for kind in topic.classes]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "rightsbus",
            "version": VERSION,
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _server()},
        "channels": {_id(topic): _channel(topic) for topic in topics},
        "operations": {name: operation for topic in topics for name, operation in _operations(topic)},
        "components": {
            "schemas": {"Headers": _headers(()), "OurHeaders": _headers(_OURS), **_schemas(kinds)},
            "messages": {kind.__name__: _message(topic, kind) for topic in topics for kind in topic.classes},
            "securitySchemes": {
                "scram": {"type": "scramSha256", "description": "A user of your own, from an operator"}
            },
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "kafka.example.org:9093",
        "protocol": "kafka-secure",
        "description": "The installation's brokers; an operator gives the address with the user",
        "security": [{"$ref": "#/components/securitySchemes/scram"}],
    }


def _id(topic: Topic) -> str:
    """A short name for a topic: `privacy.clients.<client>.requests` is `clientsRequests`."""
    words = [word for word in topic.name.replace("-", ".").split(".")[1:] if not word.startswith("<")]
    return words[0] + "".join(word.capitalize() for word in words[1:])


def _channel(topic: Topic) -> dict[str, Any]:
    names = [kind.__name__ for kind in topic.classes]
    channel: dict[str, Any] = {
        "address": topic.name.replace("<", "{").replace(">", "}"),
        "description": topic.why,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    if topic.field:
        meaning, example = _PARAMETERS[topic.field]
        channel["parameters"] = {topic.field: {"description": meaning, "examples": [example]}}
    settings: dict[str, Any] = {"cleanup.policy": ["compact" if topic.compacted else "delete"]}
    if not topic.compacted:
        settings["retention.ms"] = int(topic.keep.total_seconds() * 1000)
    settings["max.message.bytes"] = topic.max_bytes
    kafka = {"partitions": topic.partitions, "topicConfiguration": settings, "bindingVersion": _BINDINGS}
    return channel | {"bindings": {"kafka": kafka}}


def _operations(topic: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    """What we do with a topic, as far as the other side is outside: send it, receive it, or both."""
    for action, others in (("send", topic.readers), ("receive", topic.writers)):
        parties = [party for party in others if party in OUTSIDE]
        if not parties:
            continue
        summary = f"{topic.why} ({'to' if action == 'send' else 'from'} {', '.join(parties)})"
        channel = {"$ref": f"#/channels/{_id(topic)}"}
        messages = [{"$ref": f"#/channels/{_id(topic)}/messages/{kind.__name__}"} for kind in topic.classes]
        name = f"{action}{_id(topic)[0].upper()}{_id(topic)[1:]}"
        yield name, {"action": action, "channel": channel, "summary": summary, "messages": messages}


def _message(topic: Topic, kind: type[BaseModel]) -> dict[str, Any]:
    headers = "Headers" if topic.outside else "OurHeaders"
    about = "the request's id" if issubclass(kind, Event) else "not read; any key will do"
    if issubclass(kind, ClientMessageBase):
        about = "the hand-over's id: what the request is called towards this client"
    return {
        "name": kind.__name__,
        "title": kind.__name__,
        "summary": (kind.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": about}, "bindingVersion": _BINDINGS}},
        "examples": [{"name": name, "payload": payload} for name, payload in examples(kind).items()],
    }


def _headers(required: tuple[str, ...]) -> dict[str, Any]:
    needed = {"required": list(required)} if required else {}
    return {
        "type": "object",
        "description": "CloudEvents 1.0, Kafka binding, binary mode",
        **needed,
        "properties": _HEADERS,
    }


def _schemas(kinds: list[type[BaseModel]]) -> dict[str, Any]:
    template = "#/components/schemas/{model}"
    _, found = models_json_schema(
        [(kind, "validation") for kind in kinds], ref_template=template, schema_generator=Untitled
    )
    written = {kind.__name__: as_written(kind, found["$defs"][kind.__name__]) for kind in kinds}
    return {name: _plain(schema) for name, schema in (found["$defs"] | written).items()}


def _plain(schema: Any) -> Any:  # noqa: ANN401  any JSON value
    """Draft 7 ignores what stands beside a reference: put the reference into an `allOf` there."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(value) for key, value in schema.items()}
    if "$ref" in plain and len(plain) > 1:
        return {"allOf": [{"$ref": plain.pop("$ref")}], **plain}
    return plain
