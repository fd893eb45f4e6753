"""Faults in the clinic's words: collected, so that all of them are told at once."""

from dataclasses import dataclass, field
from pathlib import Path

from app.clinic import ClinicError


@dataclass(frozen=True, order=True)
class Fault:
    """What is wrong and where: ``line`` counts from 1."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass
class Faults:
    """The faults found so far."""

    found: list[Fault] = field(default_factory=list)

    def add(self, file: Path, line: int, reason: str) -> None:
        self.found.append(Fault(file, line, reason))

    def raise_if_any(self) -> None:
        """Raises ClinicError with a line for each fault, in the order of the files."""
        if self.found:
            raise ClinicError("\n".join(str(fault) for fault in sorted(set(self.found))))
