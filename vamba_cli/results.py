"""What the tasks return: frozen values that turn into the documented JSON (`schema_version` 1). Pure."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class VideoSummary:
    """The file that a result speaks of."""

    path: str
    duration_seconds: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A half-open span of the video that supports an answer.

    score: a probability, 0 to 1; of subtitles, how much of what was looked for is said there.
    source: whether it is seen, or said according to the subtitles.
    """

    start_seconds: float
    end_seconds: float
    score: float
    source: Literal["picture", "subtitles"] = "picture"


Outcome = Literal["answered", "not_found", "cannot_answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with the spans that support it, the best first; times come from frame timestamps alone.

    generated: whether the words are the network's own; else they say what was found, or that nothing was.
    outcome: whether what was asked for was found, or was not in the video, or in the part of it that was meant; or the
        question was not understood, or is of a kind that this model cannot answer.
    """

    question: str
    answer: str
    evidence: tuple[Evidence, ...]
    generated: bool = False
    outcome: Outcome = "answered"


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """Which weights answered: registry name or folder, and the resolved Hub commit where there is one."""

    name: str
    commit: str | None
    dtype: str
    device: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall-clock seconds of the stages; encode_seconds is 0 when the memory came from the cache."""

    load_seconds: float
    encode_seconds: float
    answer_seconds: float


@dataclass(frozen=True, slots=True)
class AskResult:
    """Answers to all questions about one video."""

    video: VideoSummary
    answers: tuple[Answer, ...]
    model: ModelSummary
    preset: tuple[str, ...]
    num_frames: int
    num_video_tokens: int
    from_cache: bool
    warnings: tuple[str, ...]
    timing: Timing
    subtitles: str | None = None  # which ones were used, in words for people

    def to_json(self) -> dict[str, Any]:
        """The `ask` document of the JSON schema."""
        return {"schema_version": SCHEMA_VERSION, "task": "ask", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that gave no result: why, and what to do about it; `kind` names the class of the error."""

    path: str
    kind: str
    message: str

    @classmethod
    def of(cls, path: str, error: Exception) -> "Failure":
        """An error as a part of a result, its message on one line."""
        return cls(path, type(error).__name__, " ".join(str(error).split()))


NOT_LOOKED_AT = "(not looked at)"  # the title of a part of a video that lies outside of the wanted span


@dataclass(frozen=True, slots=True)
class Chapter:
    """A titled half-open span of a video.

    title_source: "model" where the title was read or written by the model; "time" where it could not, and the title
        is only the span in figures; "unseen" where this part was not looked at, and the title is `NOT_LOOKED_AT`.
    """

    start_seconds: float
    end_seconds: float
    title: str
    title_source: Literal["model", "time", "unseen"] = "model"
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """How strongly each part of a video supports a question: adjacent spans, score is a probability; and the answer.

    No spans: the question names nothing that can be looked for.
    """

    question: str
    spans: tuple[Evidence, ...]
    answer: str = ""


@dataclass(frozen=True, slots=True)
class VideoChapters:
    """The chapters of one video: ascending, without gaps, from 0 to the end of the file.

    curves: one per question that was asked with them.
    """

    video: VideoSummary
    chapters: tuple[Chapter, ...]
    num_frames: int
    num_video_tokens: int
    from_cache: bool
    warnings: tuple[str, ...]
    timing: Timing
    subtitles: str | None = None
    curves: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True)
class ChaptersResult:
    """Chapters of one or many videos, and the videos that failed."""

    items: tuple[VideoChapters, ...]
    failures: tuple[Failure, ...]
    model: ModelSummary
    preset: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The `chapters` document of the JSON schema; what was not asked for (summaries, curves) has no key."""
        document = asdict(self)
        for item in document["items"]:
            if not item["curves"]:
                del item["curves"]
            for chapter in item["chapters"]:
                if chapter["summary"] is None:
                    del chapter["summary"]
        return {"schema_version": SCHEMA_VERSION, "task": "chapters", **document}


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """What a half-open span of a video is about."""

    start_seconds: float
    end_seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class VideoSummaryText:
    """One video in words: as a whole, and part by part."""

    video: VideoSummary
    summary: str
    outline: tuple[OutlineEntry, ...]
    num_frames: int
    num_video_tokens: int
    from_cache: bool
    warnings: tuple[str, ...]
    timing: Timing
    subtitles: str | None = None


@dataclass(frozen=True, slots=True)
class SummariseResult:
    """Summaries of one or many videos, and the videos that failed."""

    items: tuple[VideoSummaryText, ...]
    failures: tuple[Failure, ...]
    model: ModelSummary
    preset: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The `summarise` document of the JSON schema."""
        return {"schema_version": SCHEMA_VERSION, "task": "summarise", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Illustration:
    """What a report shows of one video besides its chapters.

    posters: one JPEG file per chapter.
    curves: one per question that was asked.
    """

    posters: tuple[bytes, ...] = ()
    curves: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the file says of itself, as `media.info.VideoInfo` holds it; nothing is decoded for it."""

    path: str
    size_bytes: int
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation_degrees: int
    duration_seconds: float
    start_seconds: float
    frame_rate: float  # an estimate, as num_frames is
    num_frames: int
    keyframe_seconds: float  # usual distance of key frames
    hdr: bool
    variable_frame_rate: bool
    audio_streams: int
    subtitle_streams: int
    is_image: bool
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """Which frames the settings select, at which size, and how they will be read."""

    num_frames: int
    step_seconds: float
    width: int
    height: int
    strategy: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Savings:
    """How the model and its memory are held, as chosen by the user or, to stay within the limit, by the planner."""

    weight_dtype: str = "full"
    kv_dtype: str = "full"
    token_keep: float = 1.0
    kv_offload: bool = False
    split: bool = False
    chunk_frames: int = 0


@dataclass(frozen=True, slots=True)
class InfoTiming:
    """Wall-clock seconds spent on looking."""

    inspect_seconds: float


@dataclass(frozen=True, slots=True)
class InfoResult:
    """A file, and what asking it under the given settings would take; nothing is decoded for it."""

    video: VideoFacts
    plan: PlanFacts
    model: ModelSummary
    preset: tuple[str, ...]
    num_frames: int
    num_video_tokens: int
    memory_bytes: int  # keys and values of the whole video
    weight_bytes: int
    peak_bytes: int  # predicted: the most that encoding or answering holds
    encode_flops: float
    cached: bool  # the video memory of exactly this plan lies in the cache
    warnings: tuple[str, ...]
    timing: InfoTiming
    savings: Savings = Savings()

    def to_json(self) -> dict[str, Any]:
        """The `info` document of the JSON schema."""
        return {"schema_version": SCHEMA_VERSION, "task": "info", **asdict(self)}


@dataclass(frozen=True, slots=True)
class VerifyRow:
    """One quantity against the reference; ok is None where the reference does not hold it (skipped)."""

    name: str
    error: float | None
    tolerance: float | None
    ok: bool | None
    detail: str = ""

    @property
    def status(self) -> str:
        """'ok', 'fail' or 'skipped'."""
        return "skipped" if self.ok is None else "ok" if self.ok else "fail"


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """A checkpoint folder against the results that the reference implementation computed with it."""

    folder: str
    rows: tuple[VerifyRow, ...]
    seconds: float = 0.0

    @property
    def failed(self) -> tuple[VerifyRow, ...]:
        """The rows beyond their tolerance."""
        return tuple(row for row in self.rows if row.ok is False)

    @property
    def skipped(self) -> tuple[VerifyRow, ...]:
        """The rows that the reference file does not hold."""
        return tuple(row for row in self.rows if row.ok is None)

    @property
    def ok(self) -> bool:
        """Something was checked, and nothing lies beyond its tolerance."""
        return not self.failed and len(self.skipped) < len(self.rows)

    def to_json(self) -> dict[str, Any]:
        """The `verify` document of the JSON schema; an error that is not a finite number becomes null."""
        rows = [
            {
                "name": row.name,
                "error": row.error if row.error is not None and math.isfinite(row.error) else None,
                "tolerance": row.tolerance,
                "status": row.status,
                "detail": row.detail,
            }
            for row in self.rows
        ]
        return {
            "schema_version": SCHEMA_VERSION,
            "task": "verify",
            "folder": self.folder,
            "ok": self.ok,
            "num_failed": len(self.failed),
            "num_skipped": len(self.skipped),
            "rows": rows,
            "timing": {"verify_seconds": self.seconds},
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `doctor`: status is 'ok', 'warn' or 'fail'; advice says what to do about the last two."""

    name: str
    status: str
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """What is usable on this machine."""

    version: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Nothing that vamba needs is missing."""
        return all(check.status != "fail" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The `doctor` document of the JSON schema."""
        return {"schema_version": SCHEMA_VERSION, "task": "doctor", "ok": self.ok, **asdict(self)}
