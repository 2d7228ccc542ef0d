"""Who a process is, in a name that other processes and hosts can read from a shared folder."""

import hashlib
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from an earlier one with the same number by its start, and by a nonce from its siblings.

    machine: changes with a reboot and with the space of process numbers (a container has its own).
    """

    host: str
    machine: str
    pid: int
    start: str
    nonce: str

    @classmethod
    def this_process(cls) -> "Owner":
        return cls(socket.gethostname()[:60], _machine(), os.getpid(), _start(os.getpid()), secrets.token_hex(4))

    @classmethod
    def parse(cls, text: str) -> "Owner":
        """What `str` wrote.

        Raises:
            ValueError: it is nothing that `str` wrote.
        """
        host, machine, pid, start, nonce = text.split("~")
        return cls(unquote(host), machine, int(pid), start, nonce)

    def __str__(self) -> str:
        return "~".join(
            (quote(self.host, safe="").replace("~", "%7E"), self.machine, str(self.pid), self.start, self.nonce)
        )

    @property
    def words(self) -> str:
        """For people."""
        return f"process {self.pid} on {self.host}"

    def is_dead(self) -> bool:
        """Known to have ended; False where that cannot be known from here (another host, another container)."""
        if (self.host, self.machine) != (socket.gethostname()[:60], _machine()):
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it lives, as somebody else's
        return self.start != _start(self.pid)


def _machine() -> str:
    """Boot and space of process numbers; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return hashlib.blake2b(f"{boot} {Path('/proc/self/ns/pid').readlink()}".encode(), digest_size=5).hexdigest()
    except OSError:
        return ""


def _start(pid: int) -> str:
    """Ticks from boot to the start of a process; empty where the system does not tell, `0` for one that is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "0" if fields[0] in "ZX" else fields[19]
