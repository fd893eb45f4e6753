"""A disk that keeps only what was fsynced: rebuilt from a trace of system calls.

``strace`` writes down, in order, every write, sync and acknowledgement of all
processes. A power cut at an acknowledgement leaves what had been synced until
then; of what had not, a strict disk keeps nothing, a careless one some pages.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

STRACE = (
    "strace", "-f", "-qq", "-y", "-xx", "-s", "400000", "--seccomp-bpf",
    "-e", "trace=openat,pwrite64,write,fsync,fdatasync,ftruncate,unlink,rename,sendto,sendmsg",
)  # fmt: skip
ACKNOWLEDGED = re.compile(rb'"reference":"([A-Z0-9]{3}-[A-Z0-9]{3})"|/received/([A-Z0-9-]{7})\r')

LINE = re.compile(r"(?P<pid>\d+) +(?P<rest>.*)", re.DOTALL)
BEGUN = re.compile(r"(?P<call>\w+)\((?P<arguments>.*) <unfinished \.\.\.>$", re.DOTALL)
RESUMED = re.compile(
    r"<\.\.\. (?P<call>\w+) resumed>(?P<more>.*)\) += (?P<result>-?\d+)", re.DOTALL
)
WHOLE = re.compile(r"(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)", re.DOTALL)
HEX = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(frozen=True)
class Call:
    """A system call. ``phase``: "begun", "ended", or "both" when nothing came between."""

    pid: str
    name: str
    arguments: str
    result: int
    phase: str


@dataclass
class File:
    """What is safe, and the writes since: (offset, data); offset -1 cuts to len given."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[tuple[str, int, bytes]] = field(default_factory=list)

    def sync(self, count: int) -> None:
        for change in self.pending[:count]:
            apply(self.safe, change)
        del self.pending[:count]

    def after_cut(self, *, careless: random.Random | None) -> bytes:
        left = bytearray(self.safe)
        for change in self.pending if careless else ():
            if careless and careless.random() < 0.5:
                apply(left, change)
        return bytes(left)


def apply(content: bytearray, change: tuple[str, int, bytes]) -> None:
    kind, where, data = change
    if kind == "cut":
        del content[where:]
        content.extend(bytes(where - len(content)))
        return
    content.extend(bytes(max(0, where + len(data) - len(content))))
    content[where : where + len(data)] = data


class Disk:
    """The files of one folder. ``files`` is what a process sees, ``named`` what a power
    cut leaves under a name: a new name is safe once its folder was synced.
    """

    def __init__(self, folder: Path, start: Path) -> None:
        self._folder = str(folder)
        self.files = {str(folder / file.name): File(bytearray(file.read_bytes()))
                      for file in start.iterdir() if file.is_file()}  # fmt: skip
        self.named = dict(self.files)
        self._syncing: dict[str, tuple[File, int]] = {}

    def see(self, call: Call) -> None:
        """Do to this disk what ``call`` did to the real one."""
        match call.name:
            case "fsync" | "fdatasync":
                self._sync(call)
            case "openat" if "O_CREAT" in call.arguments and call.phase != "begun":
                self._create_database(call)
            case "pwrite64" if call.phase != "begun" and call.result > 0:
                self._write(call)
            case "ftruncate" if call.phase != "begun" and call.result == 0:
                path, rest = of_descriptor(call.arguments)
                if file := self.files.get(path):
                    file.pending.append(("cut", int(rest), b""))
            case "unlink" if call.phase != "begun" and call.result == 0:
                self.files.pop(quoted(call.arguments).decode(), None)

    def after_cut(self, into: Path, careless: random.Random | None = None) -> None:
        """Write into the folder ``into`` what a power cut now would leave."""
        for path, file in self.named.items():
            (into / Path(path).name).write_bytes(file.after_cut(careless=careless))

    def _create_database(self, call: Call) -> None:
        path = quoted(call.arguments).decode()
        if path.startswith(self._folder + "/") and not path.endswith("-shm") and call.result >= 0:
            self.files.setdefault(path, File())

    def _write(self, call: Call) -> None:
        path, _ = of_descriptor(call.arguments)
        if file := self.files.get(path):
            offset = int(call.arguments.rpartition(",")[2])
            file.pending.append(("write", offset, quoted(call.arguments)[: call.result]))

    def _sync(self, call: Call) -> None:
        path, _ = of_descriptor(call.arguments)
        if call.phase != "ended" and (file := self.files.get(path)):
            self._syncing[call.pid] = (file, len(file.pending))
        if call.phase == "begun":
            return
        if path == self._folder and call.result == 0:
            self.named = dict(self.files)
        file, count = self._syncing.pop(call.pid, (None, 0))
        if file and call.result == 0:
            file.sync(count)


def calls(log: Path) -> Iterator[Call]:
    """The calls of a strace log, in order."""
    begun: dict[str, str] = {}
    with log.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            if not (parts := LINE.match(line.rstrip("\n"))):
                continue
            pid, rest = parts["pid"], parts["rest"]
            if found := BEGUN.match(rest):
                begun[pid] = found["arguments"]
                yield Call(pid, found["call"], found["arguments"], 0, "begun")
            elif found := RESUMED.match(rest):
                arguments = begun.pop(pid, "") + found["more"]
                yield Call(pid, found["call"], arguments, int(found["result"]), "ended")
            elif found := WHOLE.match(rest):
                result = int(found["result"])
                yield Call(pid, found["call"], found["arguments"], result, "both")


def acknowledged(call: Call) -> str | None:
    """The reference that this call tells a client, before it does."""
    if call.name not in ("sendto", "sendmsg", "write") or call.phase == "ended":
        return None
    found = ACKNOWLEDGED.search(quoted(call.arguments))
    return (found[1] or found[2]).decode() if found else None


def of_descriptor(arguments: str) -> tuple[str, str]:
    """The path of the descriptor that comes first, and what follows it."""
    first, _, rest = arguments.partition(">")
    path = unhex(first.partition("<")[2]).decode("utf-8", "replace")
    return path.removesuffix(" (deleted)"), rest.lstrip(", ")


def quoted(arguments: str) -> bytes:
    """The first string among ``arguments``."""
    start = arguments.find('"')
    return unhex(arguments[start + 1 : arguments.find('"', start + 1)]) if start >= 0 else b""


def unhex(text: str) -> bytes:
    if "\\x" not in text:
        return text.encode()
    return bytes.fromhex(text.replace("\\x", "")) if not HEX.sub("", text) else text.encode()
