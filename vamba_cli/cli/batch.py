"""`vamba batch`: one task over many videos, restartable, with an honest end."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vamba_cli.cli.exits import SOME_FAILED
from vamba_cli.cli.options import ANSWER, FRAMES, MODEL, SUBTITLES, argument, option, shared, time_option
from vamba_cli.cli.terminal import Terminal
from vamba_cli.errors import UsageError
from vamba_cli.settings import Settings

if TYPE_CHECKING:
    from vamba_cli.batch.jobs import Work
    from vamba_cli.batch.run import Batch
    from vamba_cli.batch.sources import Sources

TASK, VIDEOS, AGAIN, RUN = "Task", "Videos", "What runs again", "Run"
# What each task takes besides settings.
_WISHES = {
    "ask": ("questions",),
    "chapters": ("questions", "min_length_seconds", "max_chapters", "count", "summaries"),
    "summarise": ("style", "length"),
}


@shared(MODEL, FRAMES, SUBTITLES, ANSWER)
def batch(
    settings: Settings,
    terminal: Terminal,
    paths: Annotated[list[str] | None, argument("PATH...", "Files, folders, globs; - is a list on stdin.")] = None,
    task: Annotated[
        str | None, option("--task -t", "NAME", "ask, chapters, summarise, or module:function.", TASK)
    ] = None,
    out_dir: Annotated[Path | None, option("--out-dir -d", "DIR", "Results and records go here.", TASK)] = None,
    question: Annotated[list[str] | None, option("--question -q", "TEXT", "ask, chapters: repeat it.", TASK)] = None,
    questions_file: Annotated[
        str | None,
        option("--questions", "FILE", "ask: questions, one a line; lines that begin with # are remarks.", TASK),
    ] = None,
    min_length: Annotated[float | None, time_option("--min-length", "chapters: none is shorter.", TASK)] = None,
    max_chapters: Annotated[int | None, option("--max-chapters", "N", "chapters: no more than these.", TASK)] = None,
    count: Annotated[int | None, option("--count", "N", "chapters: exactly so many.", TASK)] = None,
    summaries: Annotated[bool, option("--summaries", None, "chapters: a sentence about each.", TASK)] = False,
    style: Annotated[str | None, option("--style", "NAME", "summarise: paragraph, bullets or outline.", TASK)] = None,
    length: Annotated[str | None, option("--length", "NAME", "summarise: short, medium or long.", TASK)] = None,
    from_file: Annotated[
        list[str] | None, option("--from-file", "LIST", "A list of files, one a line.", VIDEOS)
    ] = None,
    null: Annotated[bool, option("--null -0", None, "Lists are separated by NUL.", VIDEOS)] = False,
    root: Annotated[Path | None, option("--root", "DIR", "Name results by the path below DIR.", VIDEOS)] = None,
    shard: Annotated[str | None, option("--shard", "I/N", "Only the I-th of N parts.", VIDEOS)] = None,
    order: Annotated[str, option("--order", "BY", "name, size, mtime or random.", VIDEOS)] = "name",
    retry_failed: Annotated[bool, option("--retry-failed", None, "Those that failed, too.", AGAIN)] = False,
    force: Annotated[bool, option("--force", None, "All of them.", AGAIN)] = False,
    checksum: Annotated[bool, option("--checksum", None, "Compare content, not size and time.", AGAIN)] = False,
    any_version: Annotated[bool, option("--any-version", None, "Keep what other versions did.", AGAIN)] = False,
    dry_run: Annotated[bool, option("--dry-run -n", None, "Show what would run, and what it takes.", RUN)] = False,
    workers: Annotated[
        int | None, option("--workers -j", "N", "Processes; by default what suits the machine.", RUN)
    ] = None,
    timeout: Annotated[float | None, time_option("--timeout", "Give a video up after this long.", RUN)] = None,
    attempts: Annotated[int, option("--attempts", "N", "Tries of a video that crashes its worker.", RUN)] = 1,
    max_failures: Annotated[int | None, option("--max-failures", "N", "Begin no more after so many.", RUN)] = None,
    lock: Annotated[bool, option("--lock", None, "Leave with 75 if a run is under way.", RUN)] = False,
    claim_expiry: Annotated[
        float | None, time_option("--claim-expiry", "Other hosts are dead after this silence.", RUN)
    ] = None,
    backend: Annotated[str, option("--backend", "NAME", "local, or ray.", RUN)] = "local",
    ray_address: Annotated[str | None, option("--ray-address", "ADDR", "Of a running Ray cluster.", RUN)] = None,
    log_file: Annotated[Path | None, option("--log-file", "FILE", "Log here; rotated at 10 MiB.", RUN)] = None,
) -> None:
    """
    Run a task over many videos, and go on where it stopped.

    \b
    Examples:
      vamba batch lectures/ --task chapters --out-dir out
      vamba batch a.mp4 b/ -t ask -q "who speaks?" -d out --timeout 2:00:00
      find /archive -name "*.mkv" -print0 | vamba batch - -0 -t chapters -d out

    Results are files in DIR/results, each with a record of how it came about;
    videos that are done are skipped. Any number of runs, on any hosts, may
    share DIR. One JSON object per video goes to stdout, with --quiet one per video
    that failed; DIR/report.html sums up.
    """
    wishes = {
        "questions": question, "min_length_seconds": min_length, "max_chapters": max_chapters, "count": count,
        "summaries": summaries or None, "style": style, "length": length,
    }  # fmt: skip
    from vamba_cli.batch.run import Batch
    from vamba_cli.batch.runner import Policy
    from vamba_cli.batch.standing import Rules
    from vamba_cli.cli.batch_log import logging_to

    if out_dir is None:
        raise UsageError("--out-dir is missing: name a folder for results and records")
    sources = _sources(paths or [], from_file or [], null, root, shard, order, settings.seed)
    rules = Rules(retry_failed=retry_failed, force=force, checksum=checksum, any_version=any_version)
    planned = Batch(
        _work(task, settings, wishes, questions_file), sources, out_dir,
        Policy(timeout, attempts, max_failures, rules), workers, backend, ray_address, lock, claim_expiry,
    )  # fmt: skip
    with logging_to(log_file, terminal):
        _run(planned, terminal, dry_run=dry_run)


def _sources(
    paths: Sequence[str], lists: Sequence[str], nul: bool, root: Path | None, shard: str | None, order: str, seed: int
) -> "Sources":
    """Which videos; a path `-` is a list on stdin."""
    from vamba_cli.batch.sources import Sources, parse_shard

    named = tuple(path for path in paths if path != "-")
    whole = Path(os.path.abspath(root)) if root else None  # noqa: PTH100 - links stay as the user wrote them
    part = parse_shard(shard) if shard else (1, 1)
    return Sources(named, (*lists, *(path for path in paths if path == "-")), nul, whole, part, order, seed)


def _work(task: str | None, settings: Settings, given: Mapping[str, Any], questions_file: str | None) -> "Work":
    """What is to be done, with the model it is done by."""
    from vamba_cli.batch.fingerprint import content_of, model_identity
    from vamba_cli.batch.jobs import Work
    from vamba_cli.batch.tasks import BUILT_IN
    from vamba_cli.cli.ask import collect_questions

    if task is None or (task not in BUILT_IN and ":" not in task):
        wrong = "--task is missing" if task is None else f"--task {task!r} is not known"
        raise UsageError(f"{wrong}: choose {', '.join(BUILT_IN)}, or module:function of your own")
    wishes = {name: value for name, value in given.items() if value is not None}
    taken = _WISHES.get(task, ())
    for name in wishes:
        if name not in taken:
            flag = "--" + name.removesuffix("_seconds").replace("_", "-").replace("questions", "question")
            raise UsageError(f"{flag} does not go with --task {task}")
    if task == "ask":
        how = '--task ask needs -q "who speaks?", or --questions FILE'
        wishes["questions"] = collect_questions(None, wishes.get("questions", ()), questions_file, how)
    elif questions_file:
        raise UsageError(f"--questions goes with --task ask, not with --task {task}")
    file = settings.subtitles_file
    subtitles = content_of(Path(file).expanduser()) if file and Path(file).expanduser().is_file() else ""
    return Work(task, settings, wishes, model_identity(settings), subtitles)


def _run(planned: "Batch", terminal: Terminal, *, dry_run: bool) -> None:
    from vamba_cli.cli import batch_watch

    if dry_run:
        from vamba_cli.batch.ledger import Ledger
        from vamba_cli.batch.machine import environments
        from vamba_cli.batch.owners import Owner
        from vamba_cli.batch.planning import plan_batch

        ledger = Ledger(planned.out_dir, Owner.this_process())
        rules = planned.policy.rules
        with closing(batch_watch.PlannedLines()) as lines:
            plan = plan_batch(planned.sources.entries(), planned.work, ledger, rules, lines)
        if not terminal.quiet:
            batch_watch.show_plan(plan, len(environments(planned.work, planned.num_workers, os.environ)))
        return
    from vamba_cli.batch.run import run_batch
    from vamba_cli.batch.stopping import EXIT_CODES

    with batch_watch.watching(terminal) as watch:
        tally = run_batch(planned, watch)
    if tally.failed or tally.stopped_by or not terminal.quiet:
        batch_watch.show_summary(tally, planned.out_dir)
    if tally.stopped_by is not None:
        raise typer.Exit(EXIT_CODES[tally.stopped_by])
    if tally.failed:
        raise typer.Exit(SOME_FAILED)
