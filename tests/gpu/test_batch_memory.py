"""A worker of a batch whose GPU has no more memory. Skipped without a GPU, unless FAIL_WITHOUT_CUDA=1."""

import os

import pytest
import torch

from tests.batch.conftest import Archive, archive

pytestmark = pytest.mark.gpu
__all__ = ["archive"]


def test_a_worker_without_gpu_memory_lowers_what_it_asks_for(archive: Archive) -> None:
    """CUDA's own error, the memory given back between the attempts, and what was lowered in the record."""
    if not torch.cuda.is_available():
        if os.environ.get("FAIL_WITHOUT_CUDA") == "1":
            pytest.fail("FAIL_WITHOUT_CUDA=1, but torch finds no CUDA device")
        pytest.skip("no CUDA device")
    archive.put(a="x", b="x")
    ran = archive.run("-j", "1", task="tests.batch.doubles:crowded")
    assert ran.code == 0, ran.err
    for name in ("a.mp4", "b.mp4"):
        assert ran.line(name)["reduced"] == ["half of the chunk", "half of the frames"]
        assert archive.records()[f"in/{name}"]["attempts"] == 3
