"""Several hosts over one shared folder: each run believes to be on a host of its own, and cannot see into others."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.batch.conftest import Archive, Ran, claimed, ended, wait_until
from tests.paths import ROOT

# What tells hosts apart is the name and the mark of the boot: both are made up before anything else happens.
ON_HOST = """
import socket, sys
from vamba_cli.batch import owners
name = sys.argv.pop(1)
socket.gethostname = lambda: name
owners._machine = lambda: f"boot of {name}".replace(" ", "-")
from vamba_cli.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def host(name: str, archive: Archive, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A run on a host of this name."""
    process = subprocess.Popen(
        [sys.executable, "-c", ON_HOST, name, *archive.command(*options)[3:]],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def done(ran: Ran) -> set[str]:
    return {line["name"] for line in ran.lines if line["status"] == "done"}


def workers_of(archive: Archive) -> set[str]:
    return {record["worker"].split()[-1] for record in archive.records().values()}


def test_two_hosts_share_the_work_and_do_nothing_twice(archive: Archive) -> None:
    archive.put(**{f"v{index:02}": f"steady 0.1 {index}" for index in range(24)})
    with host("north", archive) as north, host("south", archive) as south:
        first, second = ended(north), ended(south)
    assert (first.code, second.code) == (0, 0)
    assert done(first) and done(second) and not done(first) & done(second)
    assert len(done(first) | done(second)) == 24 == len(first.lines) == len(second.lines)
    assert workers_of(archive) == {"north", "south"}
    assert archive.leftovers() == []


def test_a_host_is_lost_its_claim_expires_and_the_other_finishes(archive: Archive) -> None:
    archive.put(a="hang", **{f"v{index:02}": f"steady 0 {index}" for index in range(6)})
    with host("north", archive) as north:
        wait_until(lambda: claimed(archive))
        with host("south", archive, "--claim-expiry", "3") as south:
            wait_until(lambda: len(archive.records()) == 6)  # all but the one that north is at
            assert south.poll() is None  # south waits for it: a host that says nothing may live
            north.kill()
            north.communicate()
            archive.put(a="steady 0")
            ran = ended(south)
    assert ran.code == 0 and len(done(ran)) == 7
    assert {record["status"] for record in archive.records().values()} == {"done"}
    assert workers_of(archive) == {"south"}
    assert archive.leftovers() == []


def test_a_claim_of_another_host_is_believed_as_long_as_it_speaks(archive: Archive) -> None:
    """Nothing but time tells: the number of its process may be anybody's here."""
    archive.put(a="steady 4")
    with host("north", archive, "--claim-expiry", "1") as north:
        wait_until(lambda: claimed(archive))
        with host("south", archive, "--claim-expiry", "1") as south:
            ran = ended(south)
        assert ended(north).statuses() == {"a.mp4": "done"}
    assert (ran.code, ran.statuses()) == (0, {"a.mp4": "skipped"})
