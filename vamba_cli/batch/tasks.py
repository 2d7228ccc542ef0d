"""The tasks of a batch: one table from a name to the function of the library that does it."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vamba_cli.errors import ModelError

if TYPE_CHECKING:
    from vamba_cli.batch.work import Worker

Run = Callable[[Path, "Worker"], Any]  # gives the document

BUILT_IN = ("ask", "chapters", "summarise")


def prepared(task: str, wishes: Mapping[str, Any]) -> Run:
    """What is called with each video and the worker; `module:function` names one's own.

    Raises:
        ModelError: there is no such task.
        UsageError: it cannot be done in this way.
    """
    if task in _TABLE:
        return _TABLE[task](wishes)
    module, colon, function = task.partition(":")
    if not colon:
        raise ModelError(f"--task {task!r} is not known: choose {', '.join(BUILT_IN)}, or module:function of your own")
    try:
        run: Run = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ModelError(f"--task {task} cannot be loaded: {error}") from error
    return run


def _ask(wishes: Mapping[str, Any]) -> Run:
    from vamba_cli import api
    from vamba_cli.api.questions import checked_question

    questions = [checked_question(question) for question in wishes["questions"]]
    return lambda video, worker: api.ask(
        video, questions, worker.settings, worker.on_event, worker.model(video)
    ).to_json()


def _chapters(wishes: Mapping[str, Any]) -> Run:
    from vamba_cli import api
    from vamba_cli.api.questions import checked_question

    questions = tuple(checked_question(question) for question in wishes.get("questions", ()))
    wanted = api.Wishes(**{**wishes, "questions": questions})
    return lambda video, worker: api.chapters(
        video, worker.settings, wanted, worker.on_event, worker.model(video)
    ).to_json()


def _summarise(wishes: Mapping[str, Any]) -> Run:
    from vamba_cli import api

    wanted = api.SummaryWishes(**wishes)
    return lambda video, worker: api.summarise(
        video, worker.settings, wanted, worker.on_event, worker.model(video)
    ).to_json()


_TABLE: dict[str, Callable[[Mapping[str, Any]], Run]] = {"ask": _ask, "chapters": _chapters, "summarise": _summarise}
