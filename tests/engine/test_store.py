"""The cache on disk: what was saved comes back, what is broken is forgotten, and the limit holds."""

import errno
import os
from dataclasses import astuple, fields
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.peak_memory import MIB, in_fresh_process, needs_peak_memory, peak_growth_bytes
from tests.tinynet import looks
from vamba_cli.engine.store import (
    FORMAT,
    DamagedMemoryError,
    MemoryStore,
    file_digest,
    load_memory,
    memory_key,
    save_memory,
)
from vamba_cli.model.memory import Looks, VideoMemory

CPU = torch.device("cpu")
LAYERS, TOKENS = 2, 3


def make(
    pairs: int = 4, *, spare: int = 0, dtype: torch.dtype = torch.float16, seed: int = 0, tokens: int = TOKENS
) -> VideoMemory:
    """A random memory of `pairs` frame pairs with room for `spare` more."""
    g = torch.Generator().manual_seed(seed)

    def rows() -> tuple[Tensor, ...]:
        shape = ((pairs + spare) * tokens, 2, 4)
        return tuple(torch.randn(shape, generator=g).to(dtype) for _ in range(LAYERS))

    times = torch.rand(2 * pairs, generator=g, dtype=torch.float64).cumsum(0)
    novelty = torch.cat((torch.tensor([torch.inf])[:pairs], 99 * torch.rand(max(0, pairs - 1), generator=g)))
    seen = looks(
        times,
        novelty,
        changes=torch.rand(2 * pairs, generator=g),
        cuts=[i % 3 == 0 for i in range(2 * pairs)],
        features=torch.randn(pairs, 5, generator=g),
    )
    memory = VideoMemory(rows(), rows(), tokens, seen, 0.1 + 2 * pairs, num_tokens=pairs * tokens)
    memory.warnings = ("damaged frames were skipped: 3 (“é” \udcff)",) * (seed % 3)
    return memory


def same(ours: VideoMemory, theirs: VideoMemory) -> bool:
    """Equal as far as anyone who asks can see."""
    return (
        all(
            torch.equal(a, b) and a.dtype == b.dtype
            for layer in range(LAYERS)
            for a, b in zip(ours.rows(layer, 0, ours.num_pairs), theirs.rows(layer, 0, ours.num_pairs), strict=True)
        )
        and all(
            torch.equal(a, b) and a.dtype == b.dtype
            for a, b in zip(astuple(ours.looks), astuple(theirs.looks), strict=True)
        )
        and (ours.num_tokens, ours.tokens_per_pair) == (theirs.num_tokens, theirs.tokens_per_pair)
        and (ours.end_seconds, ours.num_bytes) == (theirs.end_seconds, theirs.num_bytes)
        and ours.warnings == theirs.warnings
    )


@settings(deadline=None, max_examples=30)
@given(
    pairs=st.integers(0, 6),
    spare=st.integers(0, 3),
    dtype=st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
    seed=st.integers(0, 9),
)
def test_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, pairs: int, spare: int, dtype: torch.dtype, seed: int
) -> None:
    path = tmp_path_factory.mktemp("store") / "one.safetensors"
    memory = make(pairs, spare=spare, dtype=dtype, seed=seed)
    save_memory(memory, path)
    loaded = load_memory(path, CPU)
    assert same(loaded, memory)
    assert loaded.pair_start_seconds(pairs) == memory.end_seconds
    assert len(loaded.keys[0]) == pairs * TOKENS  # room that was not filled is not kept


def test_the_library_reads_the_file_too(tmp_path: Path) -> None:
    """The header is written by hand, so another reader must agree on what it says."""
    memory = make(dtype=torch.bfloat16)
    save_memory(memory, tmp_path / "one.safetensors")
    tensors = load_file(tmp_path / "one.safetensors")
    assert tensors.keys() == {*(f.name for f in fields(Looks)), "keys.0", "keys.1", "values.0", "values.1"}
    assert torch.equal(tensors["values.1"], memory.values[1])
    assert torch.equal(tensors["times_seconds"], memory.looks.times_seconds)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_cut_off_file_is_removed_and_not_used(tmp_path: Path, share: float) -> None:
    store = MemoryStore(tmp_path, MIB)
    store.save("key", make(), "a.mp4", "tiny")
    file = tmp_path / "key.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    assert store.load("key", CPU) is None
    assert not file.exists() and not store.contains("key")


def test_garbage_is_removed_and_not_used(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, MIB)
    for content in (b"not a memory at all", b"\xff" * 4000, b"\x08\0\0\0\0\0\0\0" + b"{}      "):
        (tmp_path / "key.safetensors").write_bytes(content)
        assert store.load("key", CPU) is None
        assert not store.contains("key")


@pytest.mark.parametrize(
    "change",
    [{"format": "vamba-memory-0"}, {"format": ""}, {"num_layers": "3"}, {"end_seconds": "x"}, {"warnings": ""}],
)
def test_another_format_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    path = tmp_path / "one.safetensors"
    save_memory(make(), path, change)  # notes come last, so they win
    with pytest.raises(DamagedMemoryError, match=r"one\.safetensors"):
        load_memory(path, CPU)


def test_weights_are_not_a_memory(tmp_path: Path) -> None:
    save_file({"keys.0": torch.zeros(3)}, tmp_path / "key.safetensors", {"format": "pt"})
    with pytest.raises(DamagedMemoryError, match="not a saved video memory"):
        load_memory(tmp_path / "key.safetensors", CPU)
    assert FORMAT != "pt"


def test_what_was_never_saved_is_none(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "nowhere", MIB)
    assert store.load("key", CPU) is None and not store.contains("key")
    assert store.entries() == [] and store.clear() == 0


def names(store: MemoryStore) -> list[str]:
    return [entry.path.stem for entry in store.entries()]


def used(store: MemoryStore, key: str, seconds: float) -> None:
    """Set when a memory was used last."""
    os.utime(store.folder / f"{key}.safetensors", (seconds, seconds))


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    size = make(200).num_bytes + make(200).looks.num_bytes
    store = MemoryStore(tmp_path, int(3.5 * size))
    for number, key in enumerate("abc"):
        assert store.save(key, make(200, seed=number), f"{key}.mp4", "tiny")
        used(store, key, 1000.0 + number)
    assert names(store) == ["c", "b", "a"]
    loaded = store.load("a", CPU)  # now b is the oldest
    assert loaded is not None and same(loaded, make(200, seed=0))
    assert store.save("d", make(200, seed=3), "d.mp4", "tiny")
    assert sorted(names(store)) == ["a", "c", "d"]
    assert sum(entry.size_bytes for entry in store.entries()) <= store.limit_bytes


def test_room_is_made_for_a_large_one(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, 20_000)
    for number in range(5):
        store.save(str(number), make(), "a.mp4", "tiny")
        used(store, str(number), 1000.0 + number)
    large = make(pairs=80)
    assert 15_000 < large.num_bytes < 20_000
    assert store.save("large", large, "b.mp4", "tiny")
    assert "large" in names(store) and "0" not in names(store)


def test_larger_than_the_limit_is_not_kept_and_costs_nothing(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, 6000)
    store.save("small", make(), "a.mp4", "tiny")
    assert not store.save("large", make(pairs=200), "b.mp4", "tiny")
    assert names(store) == ["small"]
    assert not MemoryStore(tmp_path / "none", 0).save("any", make(), "a.mp4", "tiny")


def test_entries_say_what_they_are(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, MIB)
    store.save("key", make(), "/videos/lecture é.mp4", "tiny")
    (entry,) = store.entries()
    assert (entry.video_path, entry.model) == ("/videos/lecture é.mp4", "tiny")
    assert entry.size_bytes == entry.path.stat().st_size > make().num_bytes
    assert abs(entry.created_seconds - entry.used_seconds) < 60
    looks = make().looks
    assert entry.span == (float(looks.times_seconds[0]), make().end_seconds)
    assert entry.num_frames == len(looks.times_seconds) > 0


def test_clear_by_name_and_all(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, MIB)
    for key, video in (("a", "/v/lecture1.mp4"), ("b", "/v/lecture2.mp4"), ("c", "/v/film.mp4")):
        store.save(key, make(), video, "tiny")
    (tmp_path / "broken.safetensors").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("not ours")
    size = sum((tmp_path / f"{name}.safetensors").stat().st_size for name in "ab")  # times in them differ in length
    assert store.clear("lecture") == size
    assert sorted(names(store)) == ["broken", "c"]
    assert store.clear("nothing like it") == 0
    left = sum(entry.size_bytes for entry in store.entries())
    assert store.clear() == left > 0
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


# --- disks that fail


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_nothing(tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(tmp_path, MIB)

    def fail(_file: int) -> None:
        assert any(path.name.endswith(".partial") for path in tmp_path.iterdir())
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        store.save("key", make(), "a.mp4", "tiny")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.safetensors"
    save_memory(make(seed=1), path)

    def fail(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        save_memory(make(seed=2), path)
    assert same(load_memory(path, CPU), make(seed=1))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_may_only_be_read_still_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's file, or a disk mounted read-only: the time of use cannot be noted, nothing can be removed."""
    store = MemoryStore(tmp_path, MIB)
    store.save("key", make(), "a.mp4", "tiny")
    (tmp_path / "broken.safetensors").write_bytes(b"x")

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    loaded = store.load("key", CPU)
    assert loaded is not None and same(loaded, make())
    assert store.load("broken", CPU) is None


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, MIB)
    abandoned, at_work = tmp_path / "old.safetensors.77.partial", tmp_path / "new.safetensors.78.partial"
    for path in (abandoned, at_work):
        path.write_bytes(b"x" * 100)
    os.utime(abandoned, (1000, 1000))
    store.save("key", make(), "a.mp4", "tiny")
    assert not abandoned.exists()
    assert at_work.exists()  # another process may be writing it


# --- names


def test_a_digest_is_of_the_content(tmp_path: Path) -> None:
    for name, content in (("a", b"video"), ("b", b"video"), ("c", b"video.")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (file_digest(tmp_path / name) for name in "abc")
    assert a == b != c
    assert len(a) == 32


def test_keys_differ_where_any_part_does() -> None:
    parts: list[list[object]] = [
        ["ab", "c"], ["a", "bc"], ["abc"], ["c", "ab"], [("ab", "c")], ["ab", "c", ""], [1.0, 2], [1, 2],
    ]  # fmt: skip
    assert len({memory_key(one) for one in parts}) == len(parts)
    assert memory_key(["ab", 1.5]) == memory_key(["ab", 1.5])


# --- memory


def saving_growth(folder: Path) -> tuple[int, int, int]:
    """Bytes by which saving and by which loading raise the peak, and bytes of keys and values."""
    torch.set_num_threads(1)
    save_memory(make(), folder / "warm.safetensors")
    load_memory(folder / "warm.safetensors", CPU)
    rows = [torch.randn(40_000, 2, 16).to(torch.float16) for _ in range(40)]  # 2.4 MiB each
    memory = VideoMemory(tuple(rows[::2]), tuple(rows[1::2]), 8, looks(torch.zeros(10_000)), 1.0, num_tokens=40_000)
    path = folder / "big.safetensors"
    saving = peak_growth_bytes(lambda: save_memory(memory, path))
    loading = peak_growth_bytes(lambda: [float(t.view(-1)[::64].sum()) for t in load_memory(path, CPU).keys])
    return saving, loading, memory.num_bytes


@needs_peak_memory
def test_saving_copies_one_tensor_at_a_time_at_most(tmp_path: Path) -> None:
    saving, loading, size = in_fresh_process(saving_growth, tmp_path)
    assert size > 95 * MIB
    assert saving < 0.1 * size
    assert loading < 1.1 * size
