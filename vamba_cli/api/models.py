"""A model that is chosen now and loaded when it is needed."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from vamba_cli.engine.budget import Workload
from vamba_cli.engine.events import Notice, OnEvent, Stage, ignore
from vamba_cli.engine.session import Prospect, look_at
from vamba_cli.errors import ModelError
from vamba_cli.results import ModelSummary, Savings
from vamba_cli.settings import Settings, unless_auto
from vamba_cli.tasks.profiles import PROFILES
from vamba_cli.weights.ready import ModelFolder, ReadyModel, choose_device, choose_dtype, load_ready, open_folder
from vamba_cli.weights.registry import resolve_config, resolve_model


class OpenModel:
    """A model that is chosen, and is loaded when it is first needed; then it serves any number of videos.

    settings: the user's, with what the model itself suggests where the user said nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder, self.settings = folder_of(settings)
        self.device = choose_device(settings.device)
        self.dtype = choose_dtype(settings.dtype, self.device)
        self._held = _Held()  # shared with copies of this value whose settings differ

    def ready(self, on_event: OnEvent = ignore, work: Workload | None = None) -> tuple[ReadyModel, float]:
        """The network as some work wants it held, or as it is held now; and the seconds that loading took in this call.

        A network that is held otherwise is dropped first.
        """
        held = self._held
        chosen = unless_auto(self.settings.weight_dtype) or "full", bool(self.settings.split)
        wanted = (work.weights, work.split) if work else held.how or chosen
        held.kv = work.kv if work else held.kv
        if held.ready is not None and held.how == wanted:
            return held.ready, 0.0
        started = time.perf_counter()
        on_event(Stage("load", self.folder.resolved.name))
        random_weights = self.settings.random_weights
        held.ready, held.how = None, wanted
        held.ready = load_ready(
            self.folder, self.device, self.dtype, random_weights=random_weights, weights=wanted[0], split=wanted[1]
        )
        if random_weights:
            on_event(Notice("the weights are random (--random-weights): the answers mean nothing"))
        return held.ready, time.perf_counter() - started

    def look_at(self, video: Path) -> Prospect:
        """What encoding a video takes; the weights are not needed for it."""
        return look_at(video, self.folder, self.settings, self.device, self.dtype)

    def summary(self) -> ModelSummary:
        weights = self._held.how[0] if self._held.how else "full"
        return model_summary(self.folder, self.device, self.dtype, weights, self._held.kv)


@dataclass(slots=True)
class _Held:
    """What is loaded: nothing at first. how: weights and split as in `Workload`."""

    ready: ReadyModel | None = None
    how: tuple[str, bool] | None = None
    kv: str = "full"


def folder_of(settings: Settings, *, sizes_suffice: bool = False) -> tuple[ModelFolder, Settings]:
    """The model's folder, and the settings with what the model itself suggests where the user said nothing.

    With `sizes_suffice` the released model need not be on this machine: its sizes are bundled.
    """
    try:
        resolve = resolve_config if settings.random_weights else resolve_model
        resolved = resolve(settings.model, settings.revision)
    except ModelError:
        if not sizes_suffice:
            raise
        resolved = resolve_config(settings.model, settings.revision)
    folder = open_folder(resolved)
    if folder.profile not in PROFILES:
        raise ModelError(
            f"{folder.resolved.folder}: profile {folder.profile!r} is not known; known: {', '.join(PROFILES)}"
        )
    free = {
        key: value
        for key, value in folder.defaults.items()
        if getattr(settings, key, 0) is None and not (key == "fps" and settings.frames is not None)
    }
    return folder, settings.updated(free, f"{folder.resolved.folder / 'vamba.json'}")


def model_summary(
    folder: ModelFolder, device: torch.device, dtype: torch.dtype, weights: str = "full", kv: str = "full"
) -> ModelSummary:
    """Which model, where, and in what: bfloat16, or, with savings, bfloat16+int8-weights+int8-kv."""
    parts = [str(dtype).removeprefix("torch.")]
    parts += [] if weights == "full" else [f"{weights}-weights"]
    parts += [] if kv == "full" else [f"{kv}-kv"]
    return ModelSummary(folder.resolved.name, folder.resolved.commit, "+".join(parts), str(device))


def savings_of(work: Workload) -> Savings:
    """How some work is held, for people and programs."""
    return Savings(work.weights, work.kv, work.token_keep, work.offload, work.split, chunk_frames=2 * work.chunk_pairs)
