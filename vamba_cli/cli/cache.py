"""`vamba cache`: the encoded videos that are kept on disk."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from vamba_cli.cli.help import OptionGroups, group
from vamba_cli.cli.options import JsonFlag, argument, option, shared
from vamba_cli.cli.terminal import Terminal, result_columns, show, show_json
from vamba_cli.config_files import resolve
from vamba_cli.errors import UsageError
from vamba_cli.folders import memory_folder, transcript_folder
from vamba_cli.results import SCHEMA_VERSION
from vamba_cli.timecode import clock_span

if TYPE_CHECKING:
    from vamba_cli.engine.store import MemoryStore, StoreEntry
    from vamba_cli.engine.transcripts import TranscriptStore

cache_app = group(
    "cache",
    """
    List and clear the encoded videos kept on disk.

    \b
    Example:
      vamba cache list
    """,
)


@cache_app.command("list", cls=OptionGroups)
@shared()
def list_cache(json: JsonFlag = False) -> None:
    """
    List the encoded videos, the most recently used first.

    \b
    Examples:
      vamba cache list
      vamba cache list --json
    """
    store = _store()
    entries = store.entries()
    if json:
        show_json(_document(store, entries))
        return
    from rich.text import Text

    from vamba_cli.cli import render

    total = render.bytes_text(sum(entry.size_bytes for entry in entries))
    videos = f"{len(entries)} video{'s' * (len(entries) != 1)}"
    closing = f"{videos}, {total} of at most {render.bytes_text(store.limit_bytes)} in {store.folder}"
    if entries:
        rows = [
            (
                render.bytes_text(e.size_bytes), render.day(e.used_seconds), e.model,
                clock_span(*e.span) if e.span else "?", str(e.num_frames or "?"), render.one_line(e.video_path),
            )
            for e in entries
        ]  # fmt: skip
        heads = ("SIZE", "LAST USED", "MODEL", "PART", "FRAMES", "VIDEO")
        show(render.table(heads, rows, result_columns()).append(f"\n\n{closing}"))
    else:
        show(Text(closing))


@cache_app.command("clear", cls=OptionGroups)
@shared()
def clear_cache(
    terminal: Terminal,
    match: Annotated[str | None, argument("TEXT", "Videos whose path contains this.")] = None,
    everything: Annotated[bool, option("--all", None, "Every encoded video.", "What")] = False,
) -> None:
    """
    Remove encoded videos and transcripts from the disk.

    \b
    Examples:
      vamba cache clear lecture.mp4
      vamba cache clear --all
    """
    if everything == (match is not None):
        raise UsageError("say what to remove: a part of the path, as in `vamba cache clear lecture`, or --all")
    if match is not None and not match.strip():  # "$X" of a variable that is not set; it is in every path
        raise UsageError("the text is empty, which every path contains: write a part of a path, or --all")
    store = _store()
    before = len(store.entries())
    freed_bytes = store.clear(match)
    removed = before - len(store.entries())
    num_transcripts = _transcripts().clear(match)
    from rich.text import Text

    from vamba_cli.cli import render

    more = f", and {num_transcripts} transcript{'s' * (num_transcripts != 1)}" if num_transcripts else ""
    show(Text(f"{removed} of {before} encoded videos removed, {render.bytes_text(freed_bytes)} freed{more}"))
    if match is not None and before and not removed and not num_transcripts:
        terminal.note(f"no path contains {match!r}: see `vamba cache list`")


def _store() -> "MemoryStore":
    from vamba_cli.engine.store import MemoryStore

    limit_gib = resolve({}, (), os.environ, Path.cwd()).cache_limit_gib
    return MemoryStore(memory_folder(os.environ), int(limit_gib * 2**30))


def _transcripts() -> "TranscriptStore":
    from vamba_cli.engine.transcripts import TranscriptStore

    return TranscriptStore(transcript_folder(os.environ))


def _document(store: "MemoryStore", entries: "list[StoreEntry]") -> dict[str, object]:
    listed = [
        {
            "path": str(entry.path),
            "size_bytes": entry.size_bytes,
            "video_path": entry.video_path,
            "model": entry.model,
            "created_seconds": entry.created_seconds,
            "used_seconds": entry.used_seconds,
            "start_seconds": entry.span[0] if entry.span else None,
            "end_seconds": entry.span[1] if entry.span else None,
            "num_frames": entry.num_frames,
        }
        for entry in entries
    ]
    head = {"schema_version": SCHEMA_VERSION, "task": "cache", "folder": str(store.folder)}
    return {**head, "limit_bytes": store.limit_bytes, "entries": listed}
