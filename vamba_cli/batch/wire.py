"""What a parent and its worker processes say to each other: JSON, one message a line. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from vamba_cli.batch.jobs import Problem, Work
from vamba_cli.batch.work import Assignment, Outcome
from vamba_cli.settings import Settings


def encode(kind: str, value: Work | Assignment | Outcome | str) -> bytes:
    """One line; names that are not UTF-8 survive as escapes."""
    body = value if isinstance(value, str) else asdict(value)
    return json.dumps([kind, body]).encode("ascii") + b"\n"


def decode(line: bytes) -> Work | Assignment | Outcome | str:
    """What `encode` wrote; anything else is a bug and raises."""
    kind, body = json.loads(line)
    if kind == "work":
        return work_from(body)
    if kind == "assignment":
        return Assignment(**body)
    if kind == "outcome":
        problem = body.pop("problem")
        return Outcome(**body, problem=Problem(**problem) if problem else None)
    return str(body)


def work_from(body: Mapping[str, Any]) -> Work:
    settings = {**body["settings"], "presets": tuple(body["settings"]["presets"])}
    return Work(body["task"], Settings(**settings), body["wishes"], body["model"], body["subtitles"])
