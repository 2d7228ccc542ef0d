"""A checkpoint folder against what the reference implementation computed with it (`expected.safetensors`)."""

import time
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vamba_cli.errors import ModelError
from vamba_cli.kernels.packed import DTYPES, Packed, Rows, pack
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.patches import resize, smart_resize, to_patches
from vamba_cli.model.vamba import Vamba
from vamba_cli.results import VerifyResult, VerifyRow
from vamba_cli.weights.load import load_model, read_config

TOLERANCE = 1e-5  # relative error of everything behind the patches, float32 on the CPU
# What fewer bits may be off: more is a mistake. Random networks, as those of the references, multiply errors.
ROUNDED_WEIGHTS = {"full": 0.0, "int8": 0.1, "int4": 1.0, "fp8": 0.3}
ROUNDED_KV = {"full": 0.0, "int8": 0.1, "fp8": 0.1}
PATCH_TOLERANCE = 8e-3  # another bicubic resizer may differ by one grey level
LEVEL_SHARE = 0.005  # of the values may be more than one grey level off


def relative_error(ours: Tensor, reference: Tensor) -> float:
    """||ours - reference|| / ||reference|| in float64; infinite for another shape or anything not finite."""
    if ours.shape != reference.shape or not bool(torch.isfinite(ours).all()):
        return float("inf")
    return float((ours.double() - reference.double()).norm() / reference.double().norm())


@torch.inference_mode()
def verify_folder(folder: Path, weights: str = "full", kv: str = "full") -> VerifyResult:
    """Compare patches, ViT, every mixer, every key and value, logits and greedy tokens, in float32 on the CPU.

    In fewer bits the errors are what is wanted to be known: limits are loose, and other greedy tokens no failure.

    Raises:
        ModelError: the folder is broken, or holds no reference results.
    """
    started = time.perf_counter()
    config, pixels = read_config(folder)
    file = folder / "expected.safetensors"
    if not file.is_file():
        raise ModelError(f"{folder} has no expected.safetensors: there is nothing to verify against")
    try:
        expected = load_file(file)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file} is damaged or incomplete: {error}") from error
    model = load_model(folder, config, last_mixer=True, weights=weights)
    rows = tuple(_Comparison(model, pixels, expected, ROUNDED_WEIGHTS[weights] + ROUNDED_KV[kv], DTYPES.get(kv)).rows())
    return VerifyResult(str(folder), rows, time.perf_counter() - started)


class _Comparison:
    """Runs the network on the reference's own inputs and yields one row per quantity."""

    def __init__(
        self, model: Vamba, pixels: PixelConfig, expected: dict[str, Tensor], rounded: float = 0.0,
        packed: torch.dtype | None = None,
    ) -> None:  # fmt: skip
        self._model, self._pixels, self._expected = model, pixels, expected
        self._tolerance, self._packed = rounded or TOLERANCE, packed
        self._exact = not rounded
        self._memory: list[tuple[Rows, Rows]] = []

    def rows(self) -> Iterator[VerifyRow]:
        yield self._patches()
        if not {"pixel_values_videos", "video_grid_thw"} <= set(self._expected):
            raise ModelError("expected.safetensors lacks pixel_values_videos or video_grid_thw, the input of all else")
        yield from self._video()
        yield from self._text()

    def _row(self, name: str, ours: Tensor) -> VerifyRow:
        reference = self._expected.get(name)
        if reference is None:
            return _absent(name)
        error = relative_error(ours, reference)
        return VerifyRow(name, error, self._tolerance, error <= self._tolerance)

    def _patches(self) -> VerifyRow:
        frames, reference = self._expected.get("frames"), self._expected.get("pixel_values_videos")
        if frames is None or reference is None:
            return _absent("pixel_values_videos")
        frames = frames[: len(frames) // 2 * 2] if len(frames) > 1 else frames.repeat(2, 1, 1, 1)
        height, width = smart_resize(frames.shape[1], frames.shape[2], self._pixels)
        vision = self._model.config.vision
        ours = to_patches(resize(frames, height, width), vision, self._pixels, torch.float32).flatten(0, 1)
        error = relative_error(ours, reference)
        off = 1.0
        if ours.shape == reference.shape:
            scale = 255 * torch.tensor(self._pixels.std).repeat_interleave(vision.patch_dim // 3)
            off = float((((ours - reference).abs() * scale) > 1.01).float().mean())
        ok = error <= PATCH_TOLERANCE and off <= LEVEL_SHARE
        return VerifyRow(
            "pixel_values_videos", error, PATCH_TOLERANCE, ok, f"{off:.3%} of values more than 1 level off"
        )

    def _video(self) -> Iterator[VerifyRow]:
        pairs, rows, columns = self._expected["video_grid_thw"][0].tolist()
        patches = self._expected["pixel_values_videos"].reshape(pairs, rows * columns, -1)
        visual = self._model.vision(patches, rows, columns).flatten(0, 1)
        yield self._row("visual", visual)
        found: list[VerifyRow] = []

        def emit(layer: int, keys: Tensor, values: Tensor) -> None:
            kept: list[Rows] = []
            for name, exact in (("cross_key", keys), ("cross_value", values)):
                rows = exact if self._packed is None else pack(exact, self._packed)
                dense = rows.dense(exact.dtype) if isinstance(rows, Packed) else rows
                kept.append(rows)
                found.append(self._row(f"{name}.{layer}", dense.flatten(2)))
            self._memory.append((kept[0], kept[1]))

        def observe(layer: int, video: Tensor) -> None:
            found.append(self._row(f"mixer.{layer}", video))

        self._model.encode_chunk(visual[None], self._model.empty_states(), emit, observe)
        yield from found

    def _text(self) -> Iterator[VerifyRow]:
        ids, wanted = self._expected.get("input_ids"), self._expected.get("generated_ids")
        if ids is None:
            yield from map(_absent, ("logits", "generated_ids"))
            return
        model = self._model
        yield self._row("logits", model.logits(model.decode(ids, self._memory.__getitem__)))
        if wanted is None:
            yield _absent("generated_ids")
            return
        cache = model.text_cache(1, ids.shape[1] + wanted.shape[1])
        tokens: list[int] = []
        for _ in range(wanted.shape[1]):
            hidden = model.decode(ids, self._memory.__getitem__, cache)
            cache = cache.advanced(ids.shape[1])
            ids = model.logits(hidden[:, -1:]).argmax(-1)
            tokens.append(int(ids))
        equal = sum(a == b for a, b in zip(tokens, wanted[0].tolist(), strict=True))
        ok = equal == len(tokens) or not self._exact
        yield VerifyRow("generated_ids", float(len(tokens) - equal), 0.0, ok, f"{equal} of {len(tokens)} tokens equal")


def _absent(name: str) -> VerifyRow:
    return VerifyRow(name, None, None, None, "not in expected.safetensors: skipped")
