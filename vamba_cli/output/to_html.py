"""One page per video that is read and clicked in a browser: timeline, posters, evidence, and the video beside it.

The page is whole without a network and without scripts; scripts only make its links move the video.
"""

import os.path
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from string import Template
from urllib.parse import quote

from vamba_cli.output.curve_svg import link_to, to_figure
from vamba_cli.output.titles import file_name, one_line, title_of
from vamba_cli.results import Chapter, Illustration, ModelSummary, VideoChapters
from vamba_cli.timecode import clock

_NICE_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000)
_MOST_TICKS = 10
_PLAIN = Illustration()


def to_html(
    item: VideoChapters,
    illustration: Illustration = _PLAIN,
    video_href: str | None = None,
    model: ModelSummary | None = None,
) -> str:
    """The report: a whole HTML document with everything in it but the video.

    video_href: a relative URL of the video, as `href_beside` gives it; None where none can be played.
    """
    end_seconds = max([item.video.duration_seconds, 1e-3, *(chapter.end_seconds for chapter in item.chapters)])
    style = _asset("style.css") + _columns(item.chapters, end_seconds)
    script = _asset("script.js")
    return Template(_asset("page.html")).substitute(
        policy=_policy(style, script, video_href),
        name=escape(file_name(item.video.path)),
        style=style,
        script=script,
        duration=f"{end_seconds:.3f}",
        has_video="no" if video_href is None else "yes",
        facts="\n".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(item, model)),
        notes=_notes(item.warnings),
        segments="\n".join(_segment(number, chapter) for number, chapter in enumerate(item.chapters, start=1)),
        ticks=_ticks(end_seconds),
        curves="\n".join(to_figure(curve, end_seconds) for curve in illustration.curves),
        player=_player(video_href, item),
        heading=f"{len(item.chapters)} chapters" if len(item.chapters) > 1 else "Chapter",
        unread=_unread_note(item.chapters),
        chapters="\n".join(
            _chapter(number, chapter, poster)
            for number, (chapter, poster) in enumerate(
                zip_longest(item.chapters, illustration.posters[: len(item.chapters)]), start=1
            )
        ),
    )


def href_beside(video: Path, report: Path) -> str:
    """A relative URL from a report to a video (an absolute one to another drive); no disk is looked at.

    >>> href_beside(Path("videos/50% done.mp4"), Path("reports/done.html"))
    '../videos/50%25%20done.mp4'
    """
    try:
        relative = os.path.relpath(video.absolute(), report.parent.absolute())
    except ValueError:  # Windows has no path from one drive to another
        return video.absolute().as_uri()
    return quote(os.fsencode(relative.replace(os.sep, "/")))


def _asset(name: str) -> str:
    return (files("vamba_cli.output") / "report" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str, video_href: str | None) -> str:
    """Nothing may be loaded but the video, and nothing may run but the page's own script."""
    media = "'none'" if video_href is None else "'self' file:"
    return (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {_digest(script)}; "
        f"media-src {media}; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _columns(chapters: Sequence[Chapter], end_seconds: float) -> str:
    """The widths of the timeline's parts, as a rule of style: attributes of style are not allowed to act."""
    edges = [chapter.start_seconds for chapter in chapters[1:]]
    widths = [end - start for start, end in zip([0.0, *edges], [*edges, end_seconds], strict=True)]
    shares = " ".join(f"minmax(0,{max(0.0, 1e4 * width / end_seconds):.3f}fr)" for width in widths)
    return f".track{{grid-template-columns:{shares}}}\n"


def _facts(item: VideoChapters, model: ModelSummary | None) -> list[tuple[str, str]]:
    """What a reader wants to know of the video and of how it was looked at."""
    facts = [
        ("Length", clock(item.video.duration_seconds)),
        ("Picture", f"{item.video.width} × {item.video.height}"),
        ("Looked at", f"{item.num_frames:,} frames, {item.num_video_tokens:,} tokens"),
    ]
    if item.subtitles:
        facts.append(("Subtitles", one_line(item.subtitles)))
    if model is not None:
        commit = f" @ {model.commit[:10]}" if model.commit else ""
        facts.append(("Model", one_line(f"{model.name}{commit}, {model.dtype} on {model.device}")))
    return facts


def _notes(warnings: Sequence[str]) -> str:
    items = "".join(f'<li dir="auto">{escape(one_line(warning))}</li>' for warning in warnings)
    return f'<ul class="notes">{items}</ul>' if items else ""


def _segment(number: int, chapter: Chapter) -> str:
    title = escape(title_of(chapter))
    return (
        f'<a {link_to(chapter.start_seconds)} aria-label="{number}. {title}, {_span(chapter, " to ")}">'
        f'<span><i>{number}</i><b dir="auto">{title}</b></span></a>'
    )


def _chapter(number: int, chapter: Chapter, poster: bytes | None) -> str:
    source = f"data:image/jpeg;base64,{b64encode(poster).decode()}" if poster else ""
    is_read = _is_read(chapter)
    mark = '<span class="mark" dir="ltr">not read</span>' if _is_unread(chapter) else ""
    summary = one_line(chapter.summary or "")
    start, end = clock(chapter.start_seconds), clock(chapter.end_seconds)
    return (
        f"<li><a {link_to(chapter.start_seconds)}>"
        + (f'<span class="poster"><img alt="" src="{source}"></span>' if source else "")
        + f'<span><span class="when">{number} · <b>{start}</b> – {end}</span>'
        f'<span class="{"title" if is_read else "title unread"}" dir="auto">{escape(title_of(chapter))}{mark}</span>'
        + (f'<span class="summary" dir="auto">{escape(summary)}</span>' if summary else "")
        + "</span></a></li>"
    )


def _is_read(chapter: Chapter) -> bool:
    """Whether the title is more than the time: not where nothing of what was read can be shown."""
    return chapter.title_source == "model" and bool(one_line(chapter.title))


def _is_unread(chapter: Chapter) -> bool:
    """Whether it was looked at, and no title could be read."""
    return chapter.title_source != "unseen" and not _is_read(chapter)


def _span(chapter: Chapter, between: str) -> str:
    return f"{clock(chapter.start_seconds)}{between}{clock(chapter.end_seconds)}"


def _unread_note(chapters: Sequence[Chapter]) -> str:
    num_unread = sum(map(_is_unread, chapters))
    if not num_unread:
        return ""
    whose, its = ("1 chapter has", "its") if num_unread == 1 else (f"{num_unread} chapters have", "their")
    return f'<p class="unread-note">{whose} no title that could be read: {its} time stands for it.</p>'


def _ticks(end_seconds: float) -> str:
    """Times below the timeline, few enough to be read; none so near the end that it would stick out."""
    step = next((nice for nice in _NICE_SECONDS if end_seconds / nice <= _MOST_TICKS), _NICE_SECONDS[-1])
    times = range(0, int(end_seconds * 0.95) + 1, step)
    return "".join(f'<text x="{100 * time / end_seconds:.3f}%" y="1.1em">{clock(time)}</text>' for time in times)


def _player(video_href: str | None, item: VideoChapters) -> str:
    if video_href is None:
        return ""
    name, first = file_name(item.video.path), title_of(item.chapters[0]) if item.chapters else ""
    return (
        f'<section class="player" aria-label="Video">\n'
        f'<video controls preload="metadata" playsinline src="{escape(video_href)}"></video>\n'
        f'<p class="now"><span class="now-time">0:00</span> <b dir="auto">{escape(first)}</b></p>\n'
        f'<p class="missing" role="status">The video does not play here: <bdi>{escape(name)}</bdi> is no longer at '
        "its place beside this page, or the browser does not know its format. All else on the page stays useful.</p>\n"
        "</section>"
    )
