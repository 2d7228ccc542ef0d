"""How much each signal of the search counts, fitted on pages that were kept out of training.

    python -m vamba_cli.train.calibrate ../shared/slides

Makes clips of held-out decks (`page_clips`), asks each for phrases, titles, parts of titles and single words that it
shows, for those of other decks, and for near-misses, and fits logistic regressions: that a phrase heads a window, and
that it stands in it, for phrases and for single words. The constants are set so that `REFUSED` of what is absent is
found nowhere in a clip. Writes the result into the model's `vamba.json`. The lectures of `benchmarks/truth.py` and its
decks have no part in it.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from vamba_cli.api.models import OpenModel
from vamba_cli.api.sessions import encoded, flushed_denormals
from vamba_cli.engine.events import ignore
from vamba_cli.engine.session import Session
from vamba_cli.engine.signals import SIGNALS, WEIGHED, compared, signals, weighed
from vamba_cli.engine.windows import core, scenes, settled
from vamba_cli.settings import Settings
from vamba_cli.tasks.profiles import PROFILES
from vamba_cli.train.page_clips import PageClip, page_clips

REFUSED = {"heading": 0.995, "line": 0.985, "word": 0.985}  # of absent phrases; the last two: as heading or as line
_PER_CLIP = {"word": 18, "near": 12, "absent": 30, "absent word": 18}  # phrases of a kind; of bodies and titles all
_RIDGE = 1e-3

Weights = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Signals (windows, signals) of one phrase in one clip, and in which windows it is the heading, or anywhere."""

    clip: str
    phrase: str
    kind: str
    signals: Tensor
    heads: Tensor
    shown: Tensor

    @property
    def part(self) -> str:
        """Which weights say that it is shown."""
        return "line" if " " in self.phrase else "word"


def questions_of(clip: PageClip, others: Sequence[PageClip], picker: random.Random) -> list[tuple[str, str]]:
    """Phrases to ask of a clip, with their kinds."""
    body = [phrase.text for phrase in clip.phrases]
    titles = list(dict.fromkeys(clip.titles))
    parts = [" ".join(title.split()[:-1]) for title in titles if len(title.split()) > 2]
    strangers = [text for other in others for text in (*(phrase.text for phrase in other.phrases), *other.titles)]
    words = [word for other in others for word in other.rare]
    near = [_near_miss(text, strangers, picker) for text in (*body, *titles)]
    wanted = {
        "body": body,
        "title": titles,
        "part": parts,
        "word": _some(clip.rare, _PER_CLIP["word"], picker),
        "near": _some([phrase.text for phrase in clip.absent(near)], _PER_CLIP["near"], picker),
        "absent": _some([phrase.text for phrase in clip.absent(strangers)], _PER_CLIP["absent"], picker),
        "absent word": _some([phrase.text for phrase in clip.absent(words)], _PER_CLIP["absent word"], picker),
    }
    return [(kind, text) for kind, texts in wanted.items() for text in texts]


def _some(texts: list[str], number: int, picker: random.Random) -> list[str]:
    return picker.sample(texts, min(number, len(texts)))


def _near_miss(text: str, strangers: Sequence[str], picker: random.Random) -> str:
    """The phrase with one word of another one in place of its own."""
    words = text.split()
    words[picker.randrange(len(words))] = picker.choice(picker.choice(strangers).split())
    return " ".join(words)


def ask(session: Session, clip: PageClip, questions: Sequence[tuple[str, str]]) -> list[Asked]:
    """The signals of every phrase in every scene of a clip."""
    ready, memory, profile = session.ready, session.memory, PROFILES[session.ready.folder.profile]
    threshold = profile.search.scene_threshold
    parts = settled(memory, scenes(memory, threshold), threshold)
    middles = [(memory.pair_start_seconds(first) + memory.pair_start_seconds(stop)) / 2 for (first, stop), _ in parts]
    pages = [min(int(middle / clip.seconds_per_page), len(clip.pages) - 1) for middle in middles]
    windows = [core(read, profile.search.longest_window) for _, read in parts]
    asked = []
    for kind, text in questions:
        probe = profile.probe(text, text)
        assert probe is not None
        heads = [text.casefold() in clip.titles[page].casefold() for page in pages]
        shown = [text.casefold() in clip.words[page] for page in pages]
        found = signals(ready.model, ready.tokenizer, memory, probe, windows)
        asked.append(Asked(clip.name, text, kind, found, torch.tensor(heads), torch.tensor(shown)))
    return asked


def fit(found: Tensor, truth: Tensor, names: Sequence[str]) -> dict[str, float]:
    """Weights of some signals (rows, signals), and a constant, by logistic regression with a small ridge."""
    columns = found[:, [SIGNALS.index(name) for name in names]].double()
    mean, spread = columns.mean(0), columns.std(0) + 1e-9
    scaled, wanted = (columns - mean) / spread, truth.double()
    weights = torch.zeros(len(names) + 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        odds = scaled @ weights[1:] + weights[0]
        total = torch.nn.functional.binary_cross_entropy_with_logits(odds, wanted)
        total = total + _RIDGE * weights[1:].square().sum()
        total.backward()
        return total

    optimiser.step(loss)
    slopes = weights.detach()[1:] / spread
    constant = float(weights.detach()[0] - slopes @ mean)
    return {"constant": constant, **{name: float(slope) for name, slope in zip(names, slopes, strict=True)}}


def calibrate(rows: Sequence[Asked]) -> Weights:
    """The weights of all questions, their constants moved so that absent phrases are refused."""
    usual = _usual([row for row in rows if row.part == "word"])
    rows = [replace(row, signals=compared(row.signals, usual)) for row in rows]
    found, heads = torch.cat([row.signals for row in rows]), torch.cat([row.heads for row in rows])
    weights = {"heading": fit(found, heads, WEIGHED["heading"])}
    _move(weights["heading"], [row for row in rows if row.kind.startswith("absent")], REFUSED["heading"])
    for part in ("line", "word"):
        own = [row for row in rows if row.part == part]
        shown = torch.cat([row.shown for row in own])
        weights[part] = fit(torch.cat([row.signals for row in own]), shown, WEIGHED[part])
        absent = [row for row in own if row.kind.startswith("absent")]
        left = [row for row in absent if _best(row, weights["heading"]) <= 0]
        _move(weights[part], left, min(1.0, REFUSED[part] * len(absent) / max(1, len(left))))
    weights["usual"] = usual
    return {part: {name: round(value, 4) for name, value in values.items()} for part, values in weights.items()}


def _usual(rows: Sequence[Asked]) -> dict[str, float]:
    """What signals are where a phrase is not shown."""
    elsewhere = torch.cat([row.signals[~row.shown] for row in rows]).mean(0)
    return {name: float(elsewhere[SIGNALS.index(name)]) for name in WEIGHED["usual"]}


def _move(weights: dict[str, float], absent: Sequence[Asked], share: float) -> None:
    """Move the constant so that this share of phrases that are absent stays below even odds everywhere."""
    weights["constant"] -= float(torch.tensor([_best(row, weights) for row in absent]).quantile(share))


def _best(row: Asked, weights: Mapping[str, float]) -> float:
    return float(weighed(row.signals, weights).max())


def score(rows: Sequence[Asked], weights: Weights) -> dict[str, str]:
    """Per kind, how many phrases are found first where they are, or nowhere if they are absent."""
    right: dict[str, list[bool]] = {}
    for row in rows:
        found = compared(row.signals, weights["usual"])
        odds = torch.maximum(weighed(found, weights["heading"]), weighed(found, weights[row.part]))
        best = int(odds.argmax())
        is_found = float(odds[best]) > 0
        right.setdefault(row.kind, []).append(bool(row.shown[best]) and is_found if row.shown.any() else not is_found)
    return {kind: f"{sum(hits)} of {len(hits)}" for kind, hits in right.items()}


def left_out(rows: Sequence[Asked]) -> dict[str, str]:
    """The same for each clip with weights fitted on the other clips."""
    totals: dict[str, list[int]] = {}
    for clip in dict.fromkeys(row.clip for row in rows):
        weights = calibrate([row for row in rows if row.clip != clip])
        for kind, text in score([row for row in rows if row.clip == clip], weights).items():
            hits, number = (int(part) for part in text.split(" of "))
            total = totals.setdefault(kind, [0, 0])
            total[0], total[1] = total[0] + hits, total[1] + number
    return {kind: f"{hits} of {number}" for kind, (hits, number) in totals.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, help="folder of pages with pages.jsonl")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--videos", type=Path, help="keep the clips here for the next run")
    parser.add_argument("--dry-run", action="store_true", help="print the weights, write nothing")
    arguments = parser.parse_args()
    model = OpenModel(Settings(model=arguments.model))
    clips, picker, rows = page_clips(arguments.pages, "calibrate"), random.Random(0), list[Asked]()
    with tempfile.TemporaryDirectory() as temporary, flushed_denormals():
        folder = arguments.videos or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for clip in clips:
            video = clip.written(folder)
            session, _ = encoded(video, model, ignore)
            rows += ask(session, clip, questions_of(clip, [other for other in clips if other is not clip], picker))
            print(f"{clip.name}: {len(clip.pages)} pages", flush=True)
    weights = calibrate(rows)
    print("on the other clips' weights:", json.dumps(left_out(rows)))
    print("on all:", json.dumps(score(rows, weights)))
    print(json.dumps(weights, indent=1))
    if not arguments.dry_run:
        notes = model.folder.resolved.folder / "vamba.json"
        known = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
        notes.write_text(json.dumps({**known, "search": weights}, indent=1) + "\n", encoding="utf-8")
        print(f"written to {notes}")


if __name__ == "__main__":
    main()
