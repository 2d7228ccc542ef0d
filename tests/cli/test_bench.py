"""`vamba bench`: the table, the JSON, the clip that is made where none is named, and a real run."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import FakeApi, Vamba
from tests.cli.test_contract import check_schema


def test_the_table(vamba: Vamba, api: FakeApi, tmp_path: Path) -> None:
    video = tmp_path / "v.mp4"
    video.touch()
    ran = vamba("bench", str(video), "--repeats", "5", "--kv-dtype", "fp8")
    assert ran.code == 0 and (api.video, api.repeats, api.settings.kv_dtype) == (video, 5, "fp8")
    assert re.search(r"^encode a frame +614 milliseconds +420 milliseconds$", ran.out, re.MULTILINE)
    assert re.search(r"^further tokens +52\.2 tokens/second +1,23[45] tokens/second$", ran.out, re.MULTILINE)
    assert re.search(r"^peak memory +- +1\.0 GiB$", ran.out, re.MULTILINE)  # of a machine that does not tell
    held = "weights int8, keys and values fp8, 50% of the tokens"
    assert held in " ".join(ran.out.split()) and "note: odd size" in ran.out
    assert "reading the video" in ran.err and "reading the video" not in ran.out


def test_json_follows_its_schema(vamba: Vamba, api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").touch()
    document = check_schema("bench", vamba("bench", str(tmp_path / "v.mp4"), "--json").out)
    assert document["figures"][0]["repeats"] == [600.0, 614.2, 650.0] and document["task"] == "bench"


def test_a_lecture_is_made_and_goes_again(vamba: Vamba, api: FakeApi) -> None:
    assert vamba("bench").code == 0
    assert api.video.suffix == ".mp4" and not api.video.parent.exists()
    assert vamba("bench", "absent.mp4").code == 4


@pytest.mark.parametrize("repeats", ["0", "101"])
def test_repeats_have_limits(vamba: Vamba, tmp_path: Path, repeats: str) -> None:
    ran = vamba("bench", str(tmp_path / "v.mp4"), "--repeats", repeats)
    assert ran.code == 2 and f"repeats = {repeats} is not allowed: it must be 1 to 100" in ran.err


def test_a_real_run(vamba: Vamba, tmp_path: Path) -> None:
    """On a short clip with the bundled checkpoint: every figure is there, and nothing beats what is possible by far."""
    from vamba_cli.cli.demo import SLIDES
    from vamba_cli.media.slideshow import write_slideshow

    video = tmp_path / "clip.mp4"
    write_slideshow(video, sorted(SLIDES.glob("*.png"))[:2], (3.0, 3.0), fps=2)
    ran = vamba("bench", str(video), "--longest-edge", "112", "--repeats", "2", "--kv-dtype", "int8", "--json")
    assert ran.code == 0, ran.err
    document = check_schema("bench", ran.out)
    figures = {figure["name"]: figure for figure in document["figures"]}
    assert set(figures) == {
        "load", "decode", "encode", "first_token", "second_question", "tokens", "peak", "predicted_peak",
    }  # fmt: skip
    assert all(figure["value"] > 0 for figure in figures.values() if figure["value"] is not None)
    assert len(figures["encode"]["repeats"]) == 2 and document["savings"]["kv_dtype"] == "int8"
    assert document["model"]["dtype"] == "float32+int8-kv"
    assert figures["encode"]["value"] > 0.3 * figures["encode"]["best"]
    assert figures["tokens"]["value"] < 3 * figures["tokens"]["best"]
