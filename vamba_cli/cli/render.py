"""Results as text for people: pure functions from a result to styled lines."""

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.text import Text

from vamba_cli.cli.terminal import printable
from vamba_cli.measurements import BenchResult
from vamba_cli.output.titles import is_outline
from vamba_cli.results import (
    NOT_LOOKED_AT,
    Answer,
    AskResult,
    Check,
    DoctorResult,
    Evidence,
    InfoResult,
    Savings,
    VerifyResult,
    VideoChapters,
    VideoSummaryText,
)
from vamba_cli.timecode import clock

_BAR_CELLS = 12
_STRATEGIES = {"sequential": "read in one pass", "seek": "read by seeking", "keyframes": "key frames only"}
_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4/mov", "matroska,webm": "matroska/webm"}
_STATUS_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skipped": "dim"}


_MOST_SPANS = 5  # of evidence below an answer


def answers(result: AskResult, *, evidence_wanted: bool) -> Text:
    """The answer and its evidence; the question stands above each answer where there are several."""
    several = len(result.answers) > 1
    blocks = [answer(item, with_question=several, evidence_wanted=evidence_wanted) for item in result.answers]
    return Text("\n\n").join(blocks)


def answer(answer: Answer, *, with_question: bool = False, evidence_wanted: bool = True) -> Text:
    """One answer and its evidence, the best span first."""
    text = Text()
    if with_question:
        text.append(f"{printable(answer.question)}\n", style="bold")
    text.append(printable(answer.answer.rstrip().strip("\n")) or "(the model gave no answer)")
    if sum(item.source == "picture" for item in answer.evidence) > _MOST_SPANS and "\n" in answer.answer:
        return text  # an outline: every line of the answer has its time
    if answer.evidence:
        text.append("\n\n")
        shown = _shown(answer.evidence)
        width = max(len(_span(item)) for item in shown)
        text.append_text(Text("\n").join(_evidence(item, width) for item in shown))
        for source, verb in (("picture", "shown"), ("subtitles", "said")):
            if more := sum(item.source == source and item not in shown for item in answer.evidence):
                text.append(f"\n  and {verb} {f'{more} more times' if more > 1 else 'once more'}", style="dim")
    elif evidence_wanted and answer.generated:
        text.append("\n\n  no part of the video stands out as evidence", style="dim")
    return text


def _shown(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The first of what is seen, and of what is said: a common word is said very often."""
    first = [[item for item in evidence if item.source == source][:_MOST_SPANS] for source in ("picture", "subtitles")]
    return [item for item in evidence if any(item in some for some in first)]


def _evidence(item: Evidence, width: int) -> Text:
    filled = round(item.score * _BAR_CELLS)
    line = Text().append(f"  {_span(item):>{width}}  ", style="cyan")
    if item.source == "subtitles":
        return line.append("said")
    line.append("━" * filled, style="green")
    line.append("─" * (_BAR_CELLS - filled), style="dim")
    return line.append(f" {item.score:4.0%}")


def _span(item: Evidence) -> str:
    return f"{clock(item.start_seconds)} - {clock(item.end_seconds)}"


def chapter_list(item: VideoChapters, *, with_name: bool, columns: int | None = None) -> Text:
    """One line per chapter: its time and its title, and below it what it shows."""
    times = [clock(chapter.start_seconds) for chapter in item.chapters]
    width = max(map(len, times), default=0)
    text = Text()
    if with_name:
        text.append(f"{one_line(item.video.path)}\n", style="bold")
    lines = []
    for time, chapter in zip(times, item.chapters, strict=True):
        line = Text().append(f"{time:>{width}}  ", style="cyan")
        if chapter.title_source == "model":
            line.append(_hanging(one_line(chapter.title), width + 2, columns))
        elif chapter.title_source == "unseen":
            line.append_text(_untitled("not looked at", chapter.end_seconds))
        else:
            line.append_text(_untitled("no title", chapter.end_seconds))
        if chapter.summary:
            line.append(f"\n{'':{width}}  {_hanging(chapter.summary, width + 2, columns)}", style="dim")
        lines.append(line)
    return text.append_text(Text("\n").join(lines)).append("\n" if with_name else "")


def summary(item: VideoSummaryText, *, with_name: bool, columns: int | None = None) -> Text:
    """The summary, and below it each part with its time; a summary that is the outline itself stands once."""
    text = Text()
    if with_name:
        text.append(f"{one_line(item.video.path)}\n", style="bold")
    times = [clock(entry.start_seconds) for entry in item.outline]
    width = max(map(len, times), default=0)
    lines = []
    for time, entry in zip(times, item.outline, strict=True):
        line = Text().append(f"{time:>{width}}  ", style="cyan")
        if entry.text == f"{time}–{clock(entry.end_seconds)}":
            lines.append(line.append_text(_untitled("no title", entry.end_seconds)))
        elif entry.text == NOT_LOOKED_AT:
            lines.append(line.append_text(_untitled("not looked at", entry.end_seconds)))
        else:
            lines.append(line.append(_hanging(entry.text, width + 2, columns)))
    if not is_outline(item):
        text.append("\n".join(_paragraph(line, columns) for line in item.summary.splitlines()))
        text.append("\n\n" if lines else "")
    return text.append_text(Text("\n").join(lines)).append("\n" if with_name else "")


def _paragraph(line: str, columns: int | None) -> str:
    """A line of a summary; the text of a bullet stays to the right of it."""
    return f"- {_hanging(line[2:], 2, columns)}" if line.startswith("- ") else _hanging(line, 0, columns)


def _untitled(why: str, end_seconds: float) -> Text:
    return Text(f"({why}, until {clock(end_seconds)})", style="dim")


def info(result: InfoResult, columns: int | None = None) -> Text:
    """A file and what asking it would take, as `name  value` lines under headings."""
    video, plan = result.video, result.plan
    rotated = f", rotated {video.rotation_degrees}°" if video.rotation_degrees else ""
    rate = f"{video.frame_rate:.5g} frames/s{' on average (variable)' if video.variable_frame_rate else ''}"
    file_rows = [
        (
            "format",
            f"{_CONTAINERS.get(video.container, video.container)}: {video.codec}, "
            f"{video.pixel_format}{' (HDR)' if video.hdr else ''}",
        ),
        ("size", f"{bytes_text(video.size_bytes)}"),
        ("picture", f"{video.width}x{video.height}{rotated}, {'one image' if video.is_image else rate}"),
        (
            "length",
            f"{clock(video.duration_seconds)} ({video.duration_seconds:.2f} s), about {video.num_frames:,} frames",
        ),
        ("key frames", f"every {video.keyframe_seconds:.3g} s"),
        ("streams", f"{video.audio_streams} audio, {video.subtitle_streams} subtitle"),
    ]
    step = "one image, twice" if video.is_image else f"one every {plan.step_seconds:.3g} s"
    plan_rows = [
        ("preset", ", ".join(result.preset) or "none"),
        ("frames", f"{plan.num_frames:,}, {step}, {plan.width}x{plan.height}, {_STRATEGIES[plan.strategy]}"),
        *(("", note) for note in plan.notes),
        ("video tokens", f"{result.num_video_tokens:,}"),
        ("model", f"{result.model.name} in {result.model.dtype} on {result.model.device}"),
        ("memory", f"{_peak(result)}"),
        ("held as", _savings(result.savings)),
        ("work", f"{flops_text(result.encode_flops)} to encode{', already in the cache' if result.cached else ''}"),
    ]
    text = Text().append(f"{one_line(video.path)}\n", style="bold")
    text.append_text(fields(file_rows, columns)).append("\n\nwith these settings\n", style="bold")
    text.append_text(fields(plan_rows, columns))
    for warning in (item for item in result.warnings if item not in plan.notes):
        text.append(f"\nnote: {printable(warning)}", style="yellow")
    return text


def _peak(result: InfoResult) -> str:
    return (
        f"{bytes_text(result.peak_bytes)} at most: {bytes_text(result.weight_bytes)} weights, "
        f"{bytes_text(result.memory_bytes)} video memory"
    )


def _savings(savings: Savings) -> str:
    words = [
        f"weights {savings.weight_dtype}",
        f"keys and values {savings.kv_dtype}",
        f"{savings.token_keep:.0%} of the tokens" if savings.token_keep < 1 else "all tokens",
        f"chunks of {savings.chunk_frames} frames",
    ]
    words += ["keys and values in RAM"] if savings.kv_offload else []
    words += ["encoder and decoder one after the other"] if savings.split else []
    return ", ".join(words)


def bench(result: BenchResult, columns: int | None = None) -> Text:
    """What was measured, one line each, beside the best that is possible."""
    machine = result.machine
    text = Text().append(f"{one_line(result.video.path)}\n", style="bold")
    rows = [
        ("machine", f"{machine.name}, {machine.threads} threads, torch {machine.torch}"),
        ("ceilings", f"{flops_text(machine.flops_per_second)}/s, {bytes_text(machine.bytes_per_second)}/s copied"),
        ("model", f"{result.model.name} in {result.model.dtype} on {result.model.device}"),
        ("held as", _savings(result.savings)),
        ("video", f"{result.num_frames:,} frames, {result.num_video_tokens:,} video tokens"),
    ]
    figures = [
        (figure.label, _amount(figure.value, figure.unit), _amount(figure.best, figure.unit))
        for figure in result.figures
    ]
    text.append_text(fields(rows, columns)).append("\n\n")
    text.append_text(table(("MEASURED", "HERE", "BEST POSSIBLE"), figures, columns))
    for warning in result.warnings:
        text.append(f"\nnote: {printable(warning)}", style="yellow")
    return text


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "bytes":
        return bytes_text(value)
    return f"{value:,.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"


def verify(result: VerifyResult) -> Text:
    """One line per quantity and a closing one."""
    width = max((len(row.name) for row in result.rows), default=0)
    text = Text().append(f"{'':8}{'QUANTITY':<{width}}     ERROR  ALLOWED\n", style="dim")
    for row in result.rows:
        error = "" if row.error is None else f"{row.error:.2e}" if row.error else "0"
        tolerance = "" if row.tolerance is None else f"{row.tolerance:.0e}" if row.tolerance else "0"
        text.append(f"{row.status:<8}", style=_STATUS_STYLES[row.status])
        text.append(f"{row.name:<{width}}  {error:>8}  {tolerance:>7}  {printable(row.detail)}".rstrip() + "\n")
    checked = len(result.rows) - len(result.skipped)
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    verdict = f"{len(result.failed)} of {checked} beyond tolerance" if result.failed else f"{checked} within tolerance"
    return text.append(f"{verdict}{skipped}", style="bold" if result.ok else "bold red")


def doctor(result: DoctorResult, columns: int | None = None) -> Text:
    """One line per check, with what to do under those that are not in order."""
    width = max(len(check.name) for check in result.checks)
    lines = [_check(check, width, columns) for check in result.checks]
    bad = sum(check.status == "fail" for check in result.checks)
    closing = f"{bad} of {len(result.checks)} checks failed" if bad else "vamba can run on this machine"
    return Text("\n").join([*lines, Text(closing, style="bold red" if bad else "bold")])


def _check(check: Check, width: int, columns: int | None) -> Text:
    line = Text().append(f"{check.status:<5}", style=_STATUS_STYLES[check.status])
    line.append(f"{check.name:<{width}}  {_hanging(check.detail, width + 7, columns)}")
    if check.advice and check.status != "ok":
        line.append(f"\n{'':<{width + 7}}{_hanging(check.advice, width + 7, columns)}", style="dim")
    return line


def fields(rows: Iterable[tuple[str, str]], columns: int | None = None, indent: str = "  ") -> Text:
    """Lines of a name and a value, wrapped to `columns`."""
    listed = list(rows)
    width = max(len(name) for name, _ in listed)
    left = len(indent) + width + 2
    lines = [
        Text().append(f"{indent}{name:<{width}}  ", style="cyan").append(_hanging(value, left, columns))
        for name, value in listed
    ]
    return Text("\n").join(lines)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None = None) -> Text:
    """Aligned columns, two spaces apart; the last one is wrapped to `columns`."""
    widths = [max(len(printable(row[i])) for row in [header, *rows]) for i in range(len(header) - 1)]
    left = sum(widths) + 2 * len(widths)
    lines = []
    for row in (header, *rows):
        cells = [f"{printable(cell):<{width}}" for cell, width in zip(row[:-1], widths, strict=True)]
        line = "  ".join([*cells, _hanging(row[-1], left, columns)]).rstrip()
        lines.append(Text(line, style="dim" if row is header else ""))
    return Text("\n").join(lines)


def _hanging(text: str, indent: int, columns: int | None) -> str:
    """The text broken into lines that start at column `indent`; the first one is already there."""
    if columns is None or columns < indent + 20:
        return printable(text)
    return f"\n{'':<{indent}}".join(textwrap.wrap(printable(text), columns - indent) or [""])


def one_line(text: str) -> str:
    """A file name for a table: whatever it holds, it takes one line."""
    return printable(text.replace("\n", "?").replace("\t", "?"))


def bytes_text(num_bytes: float) -> str:
    """A size in binary units with about three digits.

    >>> bytes_text(999), bytes_text(1536), bytes_text(22_660_000_000)
    ('999 B', '1.5 KiB', '21.1 GiB')
    """
    if num_bytes < 1024:
        return f"{num_bytes:.0f} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        num_bytes /= 1024
        if num_bytes < 1024 or unit == "TiB":
            break
    return f"{num_bytes:.0f} {unit}" if num_bytes >= 100 else f"{num_bytes:.1f} {unit}"


def flops_text(flops: float) -> str:
    """A count of floating-point operations in decimal units.

    >>> flops_text(1.62e15)
    '1.6 PFLOP'
    """
    for power, unit in ((15, "PFLOP"), (12, "TFLOP"), (9, "GFLOP")):
        if flops >= 10**power or unit == "GFLOP":
            break
    return f"{flops / 10**power:.1f} {unit}"


def day(epoch_seconds: float) -> str:
    """Date and time of day, local."""
    return datetime.fromtimestamp(epoch_seconds).astimezone().strftime("%Y-%m-%d %H:%M")
