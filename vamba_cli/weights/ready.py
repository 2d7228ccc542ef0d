"""A resolved model folder to everything that is needed to ask it."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vamba_cli.errors import ModelError, UsageError
from vamba_cli.model.config import PixelConfig, VambaConfig
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.load import fill, fill_randomly, read_config, read_json, skeleton, weight_files
from vamba_cli.weights.parts import Phases
from vamba_cli.weights.registry import ResolvedModel
from vamba_cli.weights.tokenizer import ByteTokenizer, Qwen2Tokenizer, Tokenizer


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What a folder says of itself, before any weight is read.

    profile: how the model wants to be asked ('chat' for the released one, 'slides' for the bundled one).
    defaults: settings that suit the model, weaker than every preset.
    fingerprint: changes when the weights do.
    search: how what the model says of a window is weighed; see `engine.signals.Calibration`.
    """

    resolved: ResolvedModel
    config: VambaConfig
    pixels: PixelConfig
    profile: str
    defaults: dict[str, Any]
    fingerprint: str
    search: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """A network on its device, with its tokenizer.

    device, dtype: of the model, also while nothing of it is loaded.
    phases: where its two parts are not held together; `enter` one of them before it is used.
    """

    folder: ModelFolder
    model: Vamba
    tokenizer: Tokenizer
    device: torch.device
    dtype: torch.dtype
    phases: Phases | None = None

    def enter(self, part: str) -> None:
        """Make sure that a part of the network (see `weights.parts`) is there."""
        if self.phases is not None:
            self.phases.enter(part)


def open_folder(resolved: ResolvedModel) -> ModelFolder:
    """Read config, preprocessor and, where there is one, `vamba.json` of a model folder."""
    config, pixels = read_config(resolved.folder)
    notes_file = resolved.folder / "vamba.json"
    notes = read_json(notes_file) if notes_file.exists() else {}
    unknown = sorted(set(notes) - {"profile", "defaults", "search"})
    if unknown:
        raise ModelError(f"{notes_file}: unknown key {unknown[0]!r}; known are 'profile', 'defaults' and 'search'")
    return ModelFolder(
        resolved=resolved,
        config=config,
        pixels=pixels,
        profile=str(notes.get("profile", "chat")),
        defaults=dict(notes.get("defaults", {})),
        fingerprint=_fingerprint(resolved),
        search=dict(notes.get("search", {})),
    )


def _fingerprint(resolved: ResolvedModel) -> str:
    """The Hub commit where there is one; else names, sizes and times of change of the weight files."""
    if resolved.commit:
        return resolved.commit
    try:
        stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in weight_files(resolved.folder)]
    except ModelError:
        return "no weights"
    return repr(stats)


def choose_device(name: str) -> torch.device:
    """'auto' is the first GPU, else the CPU.

    Raises:
        UsageError: the device is not known, or not here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"device {name!r} cannot be used here ({first}): "
            "choose --device cpu or auto; `vamba doctor` shows what there is"
        ) from error
    if device.type == "cuda":
        torch.cuda.set_device(device)  # streams and kernels go where the model goes
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """'auto' is bfloat16 on a GPU and float32 on a CPU, where it is faster."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    return {
        "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "float64": torch.float64,
    }[name]  # fmt: skip


def load_ready(
    folder: ModelFolder, device: torch.device, dtype: torch.dtype, *, random_weights: bool, weights: str = "full",
    split: bool = False,
) -> ReadyModel:  # fmt: skip
    """Load (or, for measuring, draw) the weights, and the tokenizer that goes with them.

    Args:
        weights: how they are held, see `weights.quantise`.
        split: load nothing now, and one part of the network after the other when it is entered.
    """
    where, model = folder.resolved.folder, skeleton(folder.config)
    fill_it = fill_randomly if random_weights else partial(fill, folder=where)
    fill_part = partial(fill_it, model, device=device, dtype=dtype, weights=weights)
    if not split:
        fill_part()
    phases = Phases(model, lambda part: fill_part(part=part)) if split else None
    return ReadyModel(folder, model, _tokenizer(folder, where, random_weights), device, dtype, phases)


def _tokenizer(folder: ModelFolder, where: Path, random_weights: bool) -> Tokenizer:
    if folder.profile == "slides" or (random_weights and not (where / "tokenizer.json").exists()):
        return ByteTokenizer()
    return Qwen2Tokenizer(where / "tokenizer.json")
