"""What an import or export says about itself: how far it is, what it moved, what it left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

Progress = Callable[[float, str], None]
"""Told the share done (0 to 1) and what is being done; raises to stop the transfer."""


def silent(fraction: float, message: str) -> None:
    """A `Progress` that tells nobody."""


@dataclass(kw_only=True)
class Tally:
    """What a transfer moved."""

    episodes: int = 0
    frames: int = 0
    """Steps, whatever the number of cameras."""
    labels: int = 0
    known: int = 0
    """Episodes or labels that were there already, so that nothing was done."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Per reason, how many episodes or labels were not moved."""
    notes: list[str] = field(default_factory=list)
    """What else a person should know, in words."""

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Say why something was not moved."""
        self.left_out[reason] += count

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the result of a run."""
        return {
            "episodes": self.episodes,
            "frames": self.frames,
            "labels": self.labels,
            "known": self.known,
            "left_out": dict(self.left_out),
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The tally of which `as_json` gave these values."""
        return cls(**{**values, "left_out": Counter(values.get("left_out", {}))})

    def lines(self, verb: str = "Moved") -> list[str]:
        """The tally in words, one line a fact."""
        counts = (
            (self.episodes, "episode"),
            (self.frames, "frame"),
            (self.labels, "label"),
        )
        moved = (
            ", ".join(f"{count} {noun}{'s' * (count > 1)}" for count, noun in counts if count)
            or "nothing new"
        )
        lines = [f"{verb} {moved}."]
        if self.known:
            lines.append(f"{self.known} {'were' if self.known > 1 else 'was'} there already.")
        lines += [f"Left out {count}: {reason}" for reason, count in self.left_out.most_common()]
        return lines + self.notes
