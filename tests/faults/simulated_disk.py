"""A simulated disk that keeps only synced writes, replayed from a trace of system calls.

``strace`` records, in order, every write, sync and acknowledgement of all processes. After a
power cut at an acknowledgement, the disk has all writes that were synced before it and, depending
on the simulation, none or a random half of the others.
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
COMPLETE = re.compile(r"(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)", re.DOTALL)
HEX = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(frozen=True)
class Call:
    """A system call. ``phase``: "begun" or "ended", or "both" for a call on one line."""

    pid: str
    name: str
    arguments: str
    result: int
    phase: str


@dataclass
class File:
    """The synced content, and the changes since then: ("write" or "cut", offset, data)."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[tuple[str, int, bytes]] = field(default_factory=list)

    def sync(self, count: int) -> None:
        for change in self.pending[:count]:
            apply(self.synced, change)
        del self.pending[:count]

    def after_power_cut(self, keep: random.Random | None) -> bytes:
        """The content after a power cut; with ``keep``, a random half of unsynced changes too."""
        content = bytearray(self.synced)
        for change in self.pending if keep else ():
            if keep and keep.random() < 0.5:
                apply(content, change)
        return bytes(content)


def apply(content: bytearray, change: tuple[str, int, bytes]) -> None:
    kind, offset, data = change
    if kind == "cut":
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    content.extend(bytes(max(0, offset + len(data) - len(content))))
    content[offset : offset + len(data)] = data


class SimulatedDisk:
    """The files of one folder. ``files`` are those that processes see, ``synced_files`` those
    that exist after a power cut: a new file exists once its folder is synced.
    """

    def __init__(self, folder: Path, start: Path) -> None:
        self._folder = str(folder)
        self.files = {str(folder / file.name): File(bytearray(file.read_bytes()))
                      for file in start.iterdir() if file.is_file()}  # fmt: skip
        self.synced_files = dict(self.files)
        self._syncing: dict[str, tuple[File, int]] = {}

    def apply(self, call: Call) -> None:
        """Apply a system call."""
        match call.name:
            case "fsync" | "fdatasync":
                self._sync(call)
            case "openat" if "O_CREAT" in call.arguments and call.phase != "begun":
                self._create_database(call)
            case "pwrite64" if call.phase != "begun" and call.result > 0:
                self._write(call)
            case "ftruncate" if call.phase != "begun" and call.result == 0:
                path, rest = parse_descriptor(call.arguments)
                if file := self.files.get(path):
                    file.pending.append(("cut", int(rest), b""))
            case "unlink" if call.phase != "begun" and call.result == 0:
                self.files.pop(first_string(call.arguments).decode(), None)

    def write_after_power_cut(self, folder: Path, keep: random.Random | None = None) -> None:
        """Write the files as they are after a power cut now into ``folder``."""
        for path, file in self.synced_files.items():
            (folder / Path(path).name).write_bytes(file.after_power_cut(keep))

    def _create_database(self, call: Call) -> None:
        path = first_string(call.arguments).decode()
        if path.startswith(self._folder + "/") and not path.endswith("-shm") and call.result >= 0:
            self.files.setdefault(path, File())

    def _write(self, call: Call) -> None:
        path, _ = parse_descriptor(call.arguments)
        if file := self.files.get(path):
            offset = int(call.arguments.rpartition(",")[2])
            file.pending.append(("write", offset, first_string(call.arguments)[: call.result]))

    def _sync(self, call: Call) -> None:
        path, _ = parse_descriptor(call.arguments)
        if call.phase != "ended" and (file := self.files.get(path)):
            self._syncing[call.pid] = (file, len(file.pending))
        if call.phase == "begun":
            return
        if path == self._folder and call.result == 0:
            self.synced_files = dict(self.files)
        file, count = self._syncing.pop(call.pid, (None, 0))
        if file and call.result == 0:
            file.sync(count)


def read_calls(log: Path) -> Iterator[Call]:
    """The system calls of a strace log, in order."""
    begun: dict[str, str] = {}
    with log.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            if not (parts := LINE.match(line.rstrip("\n"))):
                continue
            pid, rest = parts["pid"], parts["rest"]
            if match := BEGUN.match(rest):
                begun[pid] = match["arguments"]
                yield Call(pid, match["call"], match["arguments"], 0, "begun")
            elif match := RESUMED.match(rest):
                arguments = begun.pop(pid, "") + match["more"]
                yield Call(pid, match["call"], arguments, int(match["result"]), "ended")
            elif match := COMPLETE.match(rest):
                result = int(match["result"])
                yield Call(pid, match["call"], match["arguments"], result, "both")


def acknowledged_reference(call: Call) -> str | None:
    """The reference that this call sends to a client, when the call begins."""
    if call.name not in ("sendto", "sendmsg", "write") or call.phase == "ended":
        return None
    match = ACKNOWLEDGED.search(first_string(call.arguments))
    return (match[1] or match[2]).decode() if match else None


def parse_descriptor(arguments: str) -> tuple[str, str]:
    """The path of the file descriptor in the first argument, and the other arguments."""
    first, _, rest = arguments.partition(">")
    path = unhex(first.partition("<")[2]).decode("utf-8", "replace")
    return path.removesuffix(" (deleted)"), rest.lstrip(", ")


def first_string(arguments: str) -> bytes:
    """The first string argument."""
    start = arguments.find('"')
    return unhex(arguments[start + 1 : arguments.find('"', start + 1)]) if start >= 0 else b""


def unhex(text: str) -> bytes:
    if "\\x" not in text:
        return text.encode()
    return bytes.fromhex(text.replace("\\x", "")) if not HEX.sub("", text) else text.encode()
