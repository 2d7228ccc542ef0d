"""The evidence of a question over time, drawn as steps. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

from vamba_cli.output.titles import one_line
from vamba_cli.results import Curve, Evidence
from vamba_cli.timecode import clock, clock_span

_SUPPORTED = 0.5  # from this probability on, a part of the video supports the question
_SHOWN = 0.02  # below, not even a guess is worth a look
_MOST_PEAKS = 4
_HEADROOM = 12  # above a probability of 1, in hundredths, so that a peak's mark is not cut off


@dataclass(frozen=True, slots=True)
class Peak:
    """A run of adjacent spans that support a question, and the best of them."""

    start_seconds: float
    end_seconds: float
    top: Evidence


def to_figure(curve: Curve, duration_seconds: float) -> str:
    """The question and its answer, links to the parts that support it best, and the curve on the scale of the video."""
    found = peaks(curve.spans)
    question = f'<span class="question" dir="auto">{escape(one_line(curve.question))}</span>'
    answer = f'<p class="answer" dir="auto">{escape(curve.answer)}</p>\n' if curve.answer else ""
    if answer and not curve.spans:  # there is nothing to look for, and so nothing to draw
        return f'<figure class="curve">\n<figcaption>{question}</figcaption>\n{answer}</figure>'
    return (
        f'<figure class="curve">\n<figcaption>{question}\n'
        f'<span class="peaks">{_links(curve.spans, found)}</span></figcaption>\n{answer}'
        f'<div class="{"plot" if found else "plot flat"}"><svg role="img" aria-label="{_in_words(found)}">'
        f'<svg viewBox="0 {-_HEADROOM} 1000 {100 + _HEADROOM}" preserveAspectRatio="none" width="100%" height="100%">'
        f'<line class="half" x1="0" x2="1000" y1="50" y2="50" vector-effect="non-scaling-stroke"/>'
        f'<path d="{_outline(curve.spans, 1000 / duration_seconds)}" vector-effect="non-scaling-stroke"/>'
        f'<line x1="0" x2="1000" y1="100" y2="100" vector-effect="non-scaling-stroke"/></svg>'
        f"{''.join(_dot(peak, duration_seconds) for peak in found)}</svg></div>\n</figure>"
    )


def peaks(spans: Sequence[Evidence]) -> list[Peak]:
    """Where the question is supported: the best few runs of adjacent spans, in order of time."""
    runs: list[Peak] = []
    for span in spans:
        if _probability(span) < _SUPPORTED:
            continue
        start_seconds, top = span.start_seconds, span
        if runs and runs[-1].end_seconds == start_seconds:
            before = runs.pop()
            start_seconds, top = before.start_seconds, max(before.top, span, key=_probability)
        runs.append(Peak(start_seconds, span.end_seconds, top))
    best = sorted(runs, key=lambda peak: -_probability(peak.top))[:_MOST_PEAKS]
    return sorted(best, key=lambda peak: peak.start_seconds)


def _links(spans: Sequence[Evidence], found: Sequence[Peak]) -> str:
    if found:
        return "".join(map(_link, found))
    best = max(spans, key=_probability, default=None)
    if best is None or _probability(best) < _SHOWN:
        return "nothing supports it"
    return f"nothing supports it clearly; most of all {_link(Peak(best.start_seconds, best.end_seconds, best))}"


def _link(peak: Peak) -> str:
    return (
        f"<a {link_to(peak.start_seconds)}>{clock_span(peak.start_seconds, peak.end_seconds)} "
        f"<small>{_strength(peak.top)}</small></a>"
    )


def link_to(seconds: float) -> str:
    """The attributes of a link that moves the video, rounded to the millisecond."""
    return f'href="#t={seconds:.3f}" data-t="{seconds:.3f}"'


def _in_words(found: Sequence[Peak]) -> str:
    where = ", ".join(
        f"{clock(peak.start_seconds)} to {clock(peak.end_seconds)} ({_strength(peak.top)})" for peak in found
    )
    return f"How probably each part of the video supports the question: {where or 'no part does clearly'}"


def _outline(spans: Sequence[Evidence], units_per_second: float) -> str:
    """Steps over 1000 x 100 units, down to the ground wherever nothing is known.

    The ground lies a little below what is visible: so the outline shows only where there is something.
    """
    path: list[str] = []
    end_seconds: float | None = None
    for span in spans:
        if span.start_seconds != end_seconds:
            path.append(f"{'V102Z' if path else ''}M{_number(span.start_seconds * units_per_second)} 102")
        path.append(f"V{_number(102 - 102 * _probability(span))}H{_number(span.end_seconds * units_per_second)}")
        end_seconds = span.end_seconds
    return "".join([*path, "V102Z"]) if path else ""


def _dot(peak: Peak, duration_seconds: float) -> str:
    """A mark on top of a peak; its place in per cent, which the curve's stretched units would distort."""
    across = 50 * (peak.top.start_seconds + peak.top.end_seconds) / duration_seconds
    down = 100 * (_HEADROOM + 102 - 102 * _probability(peak.top)) / (100 + _HEADROOM)
    return (
        f'<a {link_to(peak.start_seconds)} tabindex="-1" aria-hidden="true">'
        f'<circle cx="{_number(across)}%" cy="{_number(down)}%" r="5"/></a>'
    )


def _strength(span: Evidence) -> str:
    """How sure it is that the picture shows it, or that it is said: subtitles leave little doubt."""
    return "said" if span.source == "subtitles" else f"{_probability(span):.0%}"


def _probability(span: Evidence) -> float:
    return min(1.0, max(0.0, span.score)) if isfinite(span.score) else 0.0


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
