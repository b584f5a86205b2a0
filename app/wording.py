"""Names, numbers and moments in running text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime


def listed(names: Sequence[str], *, limit: int = 8) -> str:
    """`a`, `a and b`, `a, b and c`; beyond `limit` names the rest is counted."""
    if len(names) > limit:
        rest = len(names) - limit + 1
        names = [*names[: limit - 1], f"{rest} more"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """`1 label`, `2 labels`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def duration(seconds: float) -> str:
    """A length of time as people say it: `50 s`, `3 min`, `1 h 20 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def when(at_ns: int) -> str:
    """A moment [ns since the Unix epoch] as people write it, in UTC."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")


def plain(text: str) -> str:
    """`text` with the characters that Markdown would act on escaped."""
    return "".join(
        f"\\{character}" if character in "\\`*_[]<>$#:" else character for character in text
    )
