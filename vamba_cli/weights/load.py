"""Checkpoint folders in the released format to networks, strictly and without a second copy in memory."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vamba_cli.errors import ModelError
from vamba_cli.model.config import PixelConfig, VambaConfig
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.names import our_name

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
) -> Vamba:
    """Build the network and fill it tensor by tensor, straight onto the device in the wanted dtype.

    Raises:
        ModelError: a tensor is missing, unknown, of the wrong shape, or a file is damaged; it is named.
    """
    with torch.device("meta"):
        model = Vamba(config, last_mixer=last_mixer)
    wanted = dict(model.named_parameters())
    unread = "" if last_mixer else f"layers.{config.num_layers - 1}.mixer."
    filled: dict[str, Tensor] = {}
    for name, tensor in _tensors(folder, torch.device(device)):
        ours = our_name(name)
        if (unread and ours.startswith(unread)) or (ours == "lm_head.weight" and config.tie_word_embeddings):
            continue
        if ours not in wanted:
            raise ModelError(f"{folder} holds {name!r}, for which config.json has no place")
        shape = wanted[ours].shape
        if ours == "vision.patch_embed.weight":
            shape = torch.Size((shape[0], 3, 2, config.vision.patch_size, config.vision.patch_size))
        if tensor.shape != shape:
            raise ModelError(f"{folder}: {name} has shape {tuple(tensor.shape)}, config.json needs {tuple(shape)}")
        wide = torch.promote_types(dtype, torch.float32) if ours.endswith(_KEPT_WIDE) else dtype
        filled[ours] = tensor.to(wide).view(wanted[ours].shape)
    missing = sorted(set(wanted) - set(filled))
    if missing:
        raise ModelError(f"{folder} lacks {len(missing)} of {len(wanted)} tensors, {missing[0]!r} (our name) first")
    model.load_state_dict(filled, assign=True)
    return model.requires_grad_(False).eval()


def _tensors(folder: Path, device: torch.device) -> Iterator[tuple[str, Tensor]]:
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
                yield name, file.get_tensor(name)


def random_model(config: VambaConfig, *, device: torch.device | str, dtype: torch.dtype, seed: int = 0) -> Vamba:
    """A network of the given sizes with random weights, for measuring speed and memory: its answers mean nothing."""
    with torch.device("meta"):
        model = Vamba(config)
    for name, parameter in model.named_parameters():
        if name.endswith(_KEPT_WIDE):
            parameter.data = parameter.data.to(torch.promote_types(dtype, torch.float32))
        else:
            parameter.data = parameter.data.to(dtype)
    model = model.to_empty(device=device)
    generator = torch.Generator(device=device).manual_seed(seed)
    for name, parameter in model.named_parameters():
        if name.endswith("A_log"):
            parameter.data.uniform_(0, 2.7, generator=generator)  # A in -15 .. -1, as Mamba-2 is initialised
        elif name.endswith("dt_bias"):
            parameter.data.uniform_(-6.9, -2.3, generator=generator)  # dt in 0.001 .. 0.1
        elif name.endswith(("norm.weight", "norm1.weight", "norm2.weight", "mixer.D")):
            parameter.data.fill_(1)
        elif name.endswith("alpha"):
            parameter.data.fill_(0.5)
        elif parameter.ndim < 2:
            parameter.data.zero_()
        else:
            parameter.data.normal_(0, 0.02, generator=generator)
    return model.requires_grad_(False).eval()
