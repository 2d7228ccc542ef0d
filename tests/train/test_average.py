"""The mean of the weights of several runs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tinynet import SMALL
from vamba_cli.train.average import average, main
from vamba_cli.train.export import export
from vamba_cli.train.loop import NOTES, READER
from vamba_cli.train.recipe import new_model
from vamba_cli.weights.load import load_model


def test_weights_and_readers_are_averaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [tmp_path / name / "model" for name in ("a", "b", "c")]
    for seed, run in enumerate(runs):
        export(new_model(SMALL, seed), run)
        save_file({"weight": torch.tensor([float(seed)])}, run.parent / READER)
    monkeypatch.setattr(sys, "argv", ["average", *map(str, runs), "--out", str(tmp_path / "mean")])
    main()
    assert (tmp_path / "mean" / "model" / NOTES.name).is_file()  # it is asked as the shipped one is
    parts = [dict(load_model(run, SMALL).named_parameters()) for run in runs]
    for name, found in load_model(tmp_path / "mean" / "model", SMALL).named_parameters():
        expected = sum(part[name] for part in parts) / 3
        torch.testing.assert_close(found, expected, rtol=2**-8, atol=1e-6)  # kept in bfloat16
    assert load_file(tmp_path / "mean" / READER)["weight"].item() == 1.0


def test_a_run_without_a_reader_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        export(new_model(SMALL, 1), tmp_path / name)
    monkeypatch.setattr(
        sys, "argv", ["average", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "m")]
    )
    main()
    assert not (tmp_path / "m" / READER).exists()


def test_networks_of_two_sizes_have_no_mean(tmp_path: Path) -> None:
    export(new_model(SMALL, 1), tmp_path / "a")
    export(new_model(replace(SMALL, intermediate_size=2 * SMALL.intermediate_size), 1), tmp_path / "b")
    with pytest.raises(ValueError, match="another network than"):
        average([tmp_path / "a", tmp_path / "b"])
