"""What `vamba bench` returns: frozen values that turn into the documented JSON (`schema_version` 1). Pure."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from vamba_cli.results import SCHEMA_VERSION, ModelSummary, Savings, VideoSummary


@dataclass(frozen=True, slots=True)
class BenchMachine:
    """Where it was measured, and what that machine reaches in a large product and in a large copy."""

    device: str
    name: str
    threads: int
    torch: str
    flops_per_second: float
    bytes_per_second: float


@dataclass(frozen=True, slots=True)
class BenchFigure:
    """One measured quantity.

    value: the median of `repeats` where there are several; None where the machine does not tell.
    best: what the sizes of the model and the machine's ceilings allow at best; None where nothing is known.
    """

    name: str
    label: str
    unit: Literal["seconds", "milliseconds", "tokens/second", "bytes"]
    value: float | None
    best: float | None = None
    repeats: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class BenchResult:
    """A machine measured with a model, its settings and a video."""

    video: VideoSummary
    model: ModelSummary
    preset: tuple[str, ...]
    machine: BenchMachine
    num_frames: int
    num_video_tokens: int
    savings: Savings
    figures: tuple[BenchFigure, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The `bench` document of the JSON schema."""
        return {"schema_version": SCHEMA_VERSION, "task": "bench", **asdict(self)}
