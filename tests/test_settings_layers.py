"""Flags over environment over files over presets, and errors that name the place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vamba_cli.config_files import resolve
from vamba_cli.errors import UsageError
from vamba_cli.presets import KINDS, apply_presets, load_preset, preset_folder, shipped_presets, split_names
from vamba_cli.settings import Settings


class Place:
    """A working folder and a config folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.work, self.config = folder / "work", folder / "config" / "vamba"
        self.work.mkdir()
        self.config.mkdir(parents=True)

    def resolve(
        self, *presets: str, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        home = {"XDG_CONFIG_HOME": str(self.config.parent)}
        return resolve(flags or {}, presets, {**home, **(environ or {})}, self.work)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_nothing_said_gives_the_defaults(place: Place) -> None:
    assert place.resolve() == Settings()


def test_each_place_beats_the_next_weaker_one(place: Place) -> None:
    assert place.resolve("lecture").fps == 0.5
    (place.config / "config.yaml").write_text("fps: 2\nseed: 2\nmax_frames: 22\ntemperature: 0.2\n")
    assert place.resolve("lecture").fps == 2
    (place.work / "vamba.yaml").write_text("fps: 3\nseed: 3\nmax_frames: 33\n")
    assert place.resolve("lecture").fps == 3
    settings = place.resolve("lecture", flags={"fps": 5.0}, environ={"VAMBA_FPS": "4", "VAMBA_SEED": "4"})
    found = (settings.fps, settings.seed, settings.max_frames, settings.temperature, settings.static_tolerance)
    assert found == (5.0, 4, 33, 0.2, 6.0)


def test_presets_come_from_the_strongest_place_that_names_any(place: Place) -> None:
    (place.config / "config.yaml").write_text("preset: [film, cpu]\n")
    assert place.resolve().presets == ("film", "cpu")
    (place.work / "vamba.yaml").write_text("preset: sport\n")
    assert place.resolve().presets == ("sport",)
    assert place.resolve(environ={"VAMBA_PRESET": "lecture,24gb"}).presets == ("lecture", "24gb")
    assert place.resolve("fast", environ={"VAMBA_PRESET": "lecture"}).presets == ("fast",)


def test_frames_and_fps_replace_each_other_between_places(place: Place) -> None:
    settings = place.resolve("lecture", flags={"frames": 64})
    assert (settings.frames, settings.fps) == (64, None)
    with pytest.raises(UsageError, match="exclude each other"):
        place.resolve(flags={"frames": 64, "fps": 1.0})


def test_later_presets_win() -> None:
    assert apply_presets(Settings(), ["lecture", "24gb"]).max_frames == 1024
    assert apply_presets(Settings(), ["24gb", "lecture"]).max_frames == load_preset("lecture").values["max_frames"]


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("VAMBA_CACHE", "off", "cache", False),
        ("VAMBA_KEYFRAMES_ONLY", "TRUE", "keyframes_only", True),
        ("VAMBA_START_SECONDS", "1:30", "start_seconds", 90.0),
        ("VAMBA_FRAMES", "none", "frames", None),
        ("VAMBA_MEMORY_LIMIT_GIB", "7.5", "memory_limit_gib", 7.5),
        ("VAMBA_MODEL", "owner/name", "model", "owner/name"),
        ("VAMBA_FPS", "", "fps", None),
    ],
)
def test_environment_values(place: Place, variable: str, text: str, name: str, value: object) -> None:
    assert getattr(place.resolve(environ={variable: text}), name) == value


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"VAMBA_FSP": "1"}, "VAMBA_FSP is not a setting of vamba: did you mean VAMBA_FPS"),
        ({"VAMBA_START": "1:00"}, "VAMBA_START is not a setting of vamba: did you mean VAMBA_START_SECONDS?"),
        ({"VAMBA_KEYFRAMES": "1"}, "VAMBA_KEYFRAMES is not a setting of vamba: did you mean VAMBA_KEYFRAMES_ONLY?"),
        ({"VAMBA_CACHE": "maybe"}, "VAMBA_CACHE=maybe is not allowed: it must be true or false"),
        ({"VAMBA_FRAMES": "1.5"}, "VAMBA_FRAMES=1.5 is not allowed: it must be a whole number"),
        ({"VAMBA_FPS": "-1"}, "environment: fps = -1.0 is not allowed: it must be above 0"),
        ({"VAMBA_FPS": "inf"}, "environment: fps = inf is not allowed: it must be a finite number"),
        ({"VAMBA_DEVICE": "gpu"}, "environment: device = 'gpu' is not allowed: it must be auto, cpu"),
        ({"VAMBA_PRESET": "24"}, "there is no preset '24': did you mean '24gb'"),
    ],
)
def test_environment_errors(place: Place, environ: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        place.resolve(environ=environ)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fsp: 1", "unknown setting 'fsp'; did you mean 'fps'?"),
        ("fps: fast", "fps = 'fast' must be a number"),
        ("fps: 0", "fps = 0 is not allowed"),
        ("- fps", "must hold lines of the form"),
        ("fps: [", "is not valid YAML"),
        ("preset: {a: b}", "must be a name or a list of names"),
        ("presets: lecture", "unknown setting 'presets'"),
        ("cache: !!python/object/apply:os.system [true]", "is not valid YAML"),
    ],
)
def test_file_errors_name_the_file(place: Place, text: str, said: str) -> None:
    (place.work / "vamba.yaml").write_text(text)
    with pytest.raises(UsageError) as error:
        place.resolve()
    assert said in str(error.value) and "vamba.yaml" in str(error.value)


def test_an_empty_file_is_no_error(place: Place) -> None:
    (place.work / "vamba.yaml").write_text("# nothing yet\n")
    assert place.resolve() == Settings()


def test_a_file_of_ones_own_is_a_preset(place: Place, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("description: my course\nfps: 0.25\n")
    assert place.resolve("lecture", str(mine)).fps == 0.25
    assert load_preset(str(mine)).description == "my course"
    mine.write_text("descripton: my course\n")
    with pytest.raises(UsageError, match="unknown setting 'descripton'"):
        load_preset(str(mine))


def test_no_way_out_of_the_preset_folder() -> None:
    with pytest.raises(UsageError, match="there is no preset"):
        load_preset("../frames/lecture")


def test_all_shipped_presets_are_valid_and_described() -> None:
    presets = shipped_presets()
    assert len(presets) == len(list(preset_folder().rglob("*.yaml"))) == 16
    assert {preset.kind for preset in presets} == set(KINDS)
    for preset in presets:
        assert 20 < len(preset.description) < 130
        assert Settings().updated(preset.values, preset.name)
    names = [preset.name for preset in presets if preset.kind == "memory"]
    assert names == ["auto", "cpu", "8gb", "12gb", "16gb", "24gb", "40gb", "80gb"]


def test_frame_and_memory_presets_all_combine() -> None:
    presets = shipped_presets()
    for frames in (preset for preset in presets if preset.kind == "frames"):
        for memory in (preset for preset in presets if preset.kind == "memory"):
            assert apply_presets(Settings(), [frames.name, memory.name]).presets == (frames.name, memory.name)


def test_lvbench_is_the_papers_setting() -> None:
    assert load_preset("lvbench").values == {"frames": 1024, "longest_edge": 560, "shortest_edge": 256}


def test_split_names() -> None:
    assert split_names(["lecture, 24gb", "mine.yaml", ""]) == ("lecture", "24gb", "mine.yaml")
