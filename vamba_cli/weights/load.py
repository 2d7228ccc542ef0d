"""Checkpoint folders in the released format to networks, strictly and without a second copy in memory."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from vamba_cli.errors import ModelError
from vamba_cli.kernels.plain import row_blocks
from vamba_cli.model.config import PixelConfig, VambaConfig
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.names import our_name
from vamba_cli.weights.parts import BOTH, part_of
from vamba_cli.weights.quantise import ROUNDED_NUMBERS, QuantisedLinear, kind_of

_KEPT_WIDE = ("A_log", "dt_bias", "mixer.D")  # the recurrence is computed in float32 from these


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a checkpoint; ModelError says what is wrong with it."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent} is not a model folder: it has no {path.name}") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} must hold a JSON object, not {type(values).__name__}")
    return values


def read_config(folder: Path) -> tuple[VambaConfig, PixelConfig]:
    """Sizes and pixel settings of a checkpoint folder."""
    config = VambaConfig.from_json(read_json(folder / "config.json"))
    pixels = PixelConfig.from_json(read_json(folder / "preprocessor_config.json"), config.vision)
    return config, pixels


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a folder: one, or the shards that its index names."""
    single = folder / "model.safetensors"
    index = folder / "model.safetensors.index.json"
    if single.is_file():
        return [single]
    if not index.is_file():
        raise ModelError(
            f"{folder} has no model.safetensors and no model.safetensors.index.json (pickled weights are never read)"
        )
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelError(f"{index} has no weight_map")
    names = sorted(set(map(str, weight_map.values())))
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise ModelError(f"{index} names {outside[0]!r}, which is outside of its folder")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"{folder} lacks the shard {missing[0]} ({len(missing)} of {len(names)} missing): download it again"
        )
    return [folder / name for name in names]


def load_model(
    folder: Path,
    config: VambaConfig,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    last_mixer: bool = False,
    weights: str = "full",
) -> Vamba:
    """Build the network and fill it tensor by tensor, straight onto the device in the wanted dtype.

    Raises:
        ModelError: a tensor is missing, unknown, of the wrong shape, or a file is damaged; it is named.
    """
    model = skeleton(config, last_mixer=last_mixer)
    fill(model, folder, device=device, dtype=dtype, weights=weights)
    return model


def skeleton(config: VambaConfig, *, last_mixer: bool = False) -> Vamba:
    """The network without values: every parameter is on the meta device."""
    with torch.device("meta"):
        return Vamba(config, last_mixer=last_mixer).requires_grad_(False).eval()


def fill(
    model: Vamba, folder: Path, *, device: torch.device | str, dtype: torch.dtype, weights: str = "full",
    part: str | None = None,
) -> None:  # fmt: skip
    """Give a network its values from a checkpoint folder, or those of one part (see `parts.part_of`).

    Quantised weights are read and rounded in blocks of rows: no more than one of those is held in 16 bits beside them.
    """
    config = model.config
    wanted = {name: shape for name, shape in _shapes(model) if part is None or part_of(name) in (part, BOTH)}
    ignored = () if model.layers[-1].mixer is not None else (f"layers.{config.num_layers - 1}.mixer.",)
    filled: set[str] = set()
    for name, file in _tensors(folder, torch.device(device)):
        ours = our_name(name)
        if ours.startswith(ignored) or (ours == "lm_head.weight" and config.tie_word_embeddings):
            continue
        if ours not in wanted:
            if part is not None and part_of(ours) not in (part, BOTH):
                continue
            raise ModelError(f"{folder} holds {name!r}, for which config.json has no place")
        shape = wanted[ours]
        if ours == "vision.patch_embed.weight":
            shape = torch.Size((shape[0], 3, 2, config.vision.patch_size, config.vision.patch_size))
        rows = file.get_slice(name)
        if tuple(rows.get_shape()) != shape:
            found = tuple(rows.get_shape())
            raise ModelError(f"{folder}: {name} has shape {found}, config.json needs {tuple(shape)}")
        whole = partial(file.get_tensor, name)
        _place(model, ours, wanted[ours], whole, rows.__getitem__, torch.device(device), dtype, weights)
        filled.add(ours)
    missing = sorted(set(wanted) - filled)
    if missing:
        raise ModelError(f"{folder} lacks {len(missing)} of {len(wanted)} tensors, {missing[0]!r} (our name) first")


def _shapes(model: Vamba) -> list[tuple[str, torch.Size]]:
    """Names and shapes of all parameters as they are in a checkpoint, whatever is quantised or filled by now."""
    bare = skeleton(model.config, last_mixer=model.layers[-1].mixer is not None)
    return [(name, parameter.shape) for name, parameter in bare.named_parameters()]


def _place(
    model: Vamba, name: str, shape: torch.Size, whole: Callable[[], Tensor], rows: Callable[[slice], Tensor],
    device: torch.device, dtype: torch.dtype, weights: str,
) -> None:  # fmt: skip
    """Put one tensor where it belongs: as a parameter, or block by block into a quantised layer."""
    path, _, leaf = name.rpartition(".")
    kind = kind_of(name, shape[-1], weights)
    if kind == "full":
        value = whole().to(kept_dtype(name, dtype)).view(shape)
        setattr(model.get_submodule(path), leaf, nn.Parameter(value, requires_grad=False))
        return
    parent, _, place = path.rpartition(".")
    linear = QuantisedLinear(model.get_submodule(path), kind, device, dtype)
    setattr(model.get_submodule(parent), place, linear)
    for block in row_blocks(shape[0], shape[1], ROUNDED_NUMBERS):
        linear.store(block.start, rows(block).to(dtype))


def kept_dtype(name: str, dtype: torch.dtype) -> torch.dtype:
    """The dtype of a parameter in a network of `dtype`."""
    return torch.promote_types(dtype, torch.float32) if name.endswith(_KEPT_WIDE) else dtype


def _tensors(folder: Path, device: torch.device) -> Iterator[tuple[str, Any]]:
    """Names of all tensors, each with its open file."""
    seen: set[str] = set()
    for path in weight_files(folder):
        with ExitStack() as stack:
            try:
                file = stack.enter_context(safe_open(path, framework="pt", device=str(device)))
                names = list(file.keys())
            except (SafetensorError, OSError) as error:
                raise ModelError(f"{path} is damaged or incomplete ({error}): download it again") from error
            for name in names:
                if name in seen:
                    raise ModelError(f"{path} holds {name!r} for a second time")
                seen.add(name)
                yield name, file


def random_model(
    config: VambaConfig, *, device: torch.device | str, dtype: torch.dtype, seed: int = 0, weights: str = "full"
) -> Vamba:
    """A network of the given sizes with random weights, for measuring speed and memory: its answers mean nothing."""
    model = skeleton(config)
    fill_randomly(model, device=device, dtype=dtype, seed=seed, weights=weights)
    return model


def fill_randomly(
    model: Vamba, *, device: torch.device | str, dtype: torch.dtype, seed: int = 0, weights: str = "full",
    part: str | None = None,
) -> None:  # fmt: skip
    """`fill` with random values: the same ones for a seed, whatever is quantised and whichever part is filled."""
    device = torch.device(device)
    generator = torch.Generator(device=device).manual_seed(seed)
    for name, shape in _shapes(model):
        drawn = _Drawn(name, shape, torch.empty(0, device=device, dtype=kept_dtype(name, dtype)), generator)
        if part is None or part_of(name) in (part, BOTH):
            _place(model, name, shape, drawn.whole, drawn.rows, device, dtype, weights)
        else:
            for block in drawn.blocks():  # the generator goes on
                drawn.rows(block)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A random tensor: all of it, or block after block in their order, with the same values."""

    name: str
    shape: torch.Size
    like: Tensor
    generator: torch.Generator

    def blocks(self) -> list[slice]:
        return row_blocks(self.shape[0], self.shape[1:].numel(), ROUNDED_NUMBERS)

    def whole(self) -> Tensor:
        value = self.like.new_empty(self.shape)
        for block in self.blocks():
            _random(self.name, value[block], self.generator)
        return value

    def rows(self, block: slice) -> Tensor:
        return _random(self.name, self.like.new_empty(block.stop - block.start, *self.shape[1:]), self.generator)


def _random(name: str, value: Tensor, generator: torch.Generator) -> Tensor:
    if name.endswith("A_log"):
        return value.uniform_(0, 2.7, generator=generator)  # A in -15 .. -1, as Mamba-2 is initialised
    if name.endswith("dt_bias"):
        return value.uniform_(-6.9, -2.3, generator=generator)  # dt in 0.001 .. 0.1
    if name.endswith(("norm.weight", "norm1.weight", "norm2.weight", "mixer.D")):
        return value.fill_(1)
    if name.endswith("alpha"):
        return value.fill_(0.5)
    return value.zero_() if value.ndim < 2 else value.normal_(0, 0.02, generator=generator)
