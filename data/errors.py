"""The errors Goalpost raises.

Every error says what is wrong, where, which choices would be valid, and what to do next, because
the person who reads it did not write the code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class GoalpostError(Exception):
    """Root of every error that Goalpost raises on purpose.

    Args:
        what: One sentence that names the problem and the offending value.
        where: File, task, robot or field it was found in.
        valid: The choices that would have been accepted.
        next_step: What the reader can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        valid: Iterable[str] | None = None,
        next_step: str | None = None,
    ) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.valid = None if valid is None else tuple(valid)
        self.next_step = next_step
        parts = [what]
        if self.where is not None:
            parts.append(f"Where: {self.where}.")
        if self.valid is not None:
            parts.append(f"Valid: {', '.join(self.valid) or 'none yet'}.")
        if next_step is not None:
            parts.append(f"Next: {next_step}")
        super().__init__(" ".join(parts))


class InvalidInput(GoalpostError):
    """A value that was given is outside what is accepted."""


class UnknownName(GoalpostError):
    """A name that refers to nothing; the message offers the nearest known one."""


class ConfigurationError(GoalpostError):
    """A recipe or setting that is unknown or makes no sense."""


class TaskRelationError(GoalpostError):
    """Task relations that contradict themselves."""


class LabelConflict(GoalpostError):
    """Labels on one frame that cannot all be true under the task relations."""


class CorruptData(GoalpostError):
    """A stored file that cannot be read back."""


class StorageFull(GoalpostError):
    """The disk refused a write; what was written before is kept."""


class WorkspaceError(GoalpostError):
    """A workspace that cannot be opened."""


class WorkspaceTooNew(WorkspaceError):
    """A workspace written by a newer version of Goalpost."""


class WorkspaceBusy(WorkspaceError):
    """Another process held the catalog for longer than the caller would wait."""


class IndexMissing(WorkspaceError):
    """A large workspace has no index yet; filling it takes longer than a caller would wait."""


class CameraError(GoalpostError):
    """A camera that is missing, or that stopped giving frames."""


class CellError(GoalpostError):
    """A cell or its host that does not answer, or refused a command."""


class NotAllowed(GoalpostError):
    """Something that whoever asked for it has no right to."""


class RunError(GoalpostError):
    """A background run that could not start or did not finish."""


def unknown_name(
    kind: str,
    name: str,
    known: Iterable[str],
    *,
    where: str | Path | None = None,
    next_step: str | None = None,
) -> UnknownName:
    """An `UnknownName` for `name`, with the nearest of the `known` names as a suggestion."""
    choices = tuple(known)
    nearest = difflib.get_close_matches(name, choices, n=1)
    hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
    return UnknownName(
        f"Unknown {kind} '{name}'.{hint}", where=where, valid=choices, next_step=next_step
    )
