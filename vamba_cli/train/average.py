"""`python -m vamba_cli.train.average A B --out FOLDER`: the mean of the weights of runs that began from one another.

Weights of one line of training lie in one basin, and their mean reads better than each (Wortsman et al.,
arXiv 2203.05482). The dense readers beside them, where each has one, are averaged, too.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from vamba_cli.model.vamba import Vamba
from vamba_cli.train.loop import READER, export_with_notes
from vamba_cli.weights.load import load_model, read_config

Tensors = dict[str, torch.Tensor]


def mean(parts: Sequence[Tensors]) -> Tensors:
    """The mean of each tensor, in float32."""
    return {name: torch.stack([part[name].float() for part in parts]).mean(0) for name in parts[0]}


def average(folders: Sequence[Path]) -> Vamba:
    """A network with the mean of the weights of some model folders.

    Raises:
        ValueError: they are not of one size.
    """
    configs = [read_config(folder)[0] for folder in folders]
    for folder, config in zip(folders, configs, strict=True):
        if config != configs[0]:
            raise ValueError(f"{folder} is another network than {folders[0]}: give runs of one recipe")
    models = [load_model(folder, configs[0]) for folder in folders]
    models[0].load_state_dict(mean([model.state_dict() for model in models]))
    return models[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m vamba_cli.train.average", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="model folders")
    parser.add_argument("--out", type=Path, required=True, help="for a folder `model`, and a dense reader beside it")
    args = parser.parse_args()
    file = export_with_notes(average(args.folders), args.out / "model")
    readers = [folder.parent / READER for folder in args.folders]
    if all(reader.is_file() for reader in readers):
        save_file(mean([load_file(reader) for reader in readers]), args.out / READER)
    print(file)


if __name__ == "__main__":
    main()
