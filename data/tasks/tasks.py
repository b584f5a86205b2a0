"""Tasks, the skills they belong to, and the relations between their outcomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from data.errors import InvalidInput, TaskRelationError, unknown_name

Outcome = Literal["success", "failure"]
"""What a frame shows of a task."""

OBJECT_KINDS = ("banana", "bottle", "sausage", "milk", "box", "can", "carrot")
PLATE_SECTIONS = ("bottom", "top-left", "top-right")

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One goal that its final image can judge."""

    name: str
    """Lower-case words joined by hyphens, unique in a workspace."""
    skill: str
    """The set of tasks that share semantics and dynamics with it (MT-Opt, Sec. IV-B)."""
    description: str = ""
    """What success looks like, for the person who shows or labels it."""
    implies: tuple[str, ...] = ()
    """Tasks that have succeeded whenever this one has (`lift-carrot` implies `lift-any`)."""
    excludes: tuple[str, ...] = ()
    """Tasks that have failed whenever this one has succeeded; excluding is mutual."""
    formerly: tuple[str, ...] = ()
    """Names it had before; what was said under them was said of it."""
    archived: bool = False
    """No longer offered for recording, labelling and training; its labels stay."""

    def __post_init__(self) -> None:
        for kind, name in (("task", self.name), ("skill", self.skill)):
            if not _NAME.fullmatch(name):
                raise InvalidInput(
                    f"The {kind} name '{name}' cannot be used.",
                    valid=["lower-case letters and digits, words joined by single hyphens"],
                    next_step="Choose a name such as 'lift-carrot'.",
                )


class TaskSet:
    """The tasks of a workspace, in the order of their network outputs.

    The relations are closed under their own logic when the set is made: implication is
    transitive, exclusion is mutual, and what implies an excluded task is excluded too.

    Raises:
        UnknownName: A relation names a task that is not in the set.
        TaskRelationError: The relations let a task never succeed.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: dict[str, Task] = {}
        for task in tasks:
            if task.name in self._tasks:
                raise InvalidInput(
                    f"The task '{task.name}' is defined twice.", next_step="Rename one of them."
                )
            self._tasks[task.name] = task
        self._renamed: dict[str, str] = {}
        for task in self._tasks.values():
            for former in task.formerly:
                now = former if former in self._tasks else self._renamed.get(former)
                if now is not None:
                    raise InvalidInput(
                        f"'{former}' would mean two tasks: '{now}', and '{task.name}', which was "
                        "called so before.",
                        next_step="Choose a name that no task has or had.",
                    )
                self._renamed[former] = task.name
        for task in self._tasks.values():
            for related in (*task.implies, *task.excludes):
                if related not in self._tasks:
                    raise unknown_name(
                        "task", related, self._tasks, where=f"relations of task '{task.name}'"
                    )
        self._implied = {name: self._all_implied_by(name) for name in self._tasks}
        self._excluded = {name: self._all_excluded_by(name) for name in self._tasks}
        for name in self._tasks:
            clash = sorted((self._implied[name] | {name}) & self._excluded[name])
            if clash:
                raise TaskRelationError(
                    f"The relations of '{name}' contradict themselves: its success would mean both "
                    f"success and failure of '{clash[0]}'.",
                    where=f"relations of task '{name}'",
                    next_step=f"Remove '{clash[0]}' from what '{name}' implies or excludes.",
                )

    def _all_implied_by(self, name: str) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(self._tasks[name].implies)
        while waiting:
            implied = waiting.pop()
            if implied not in found:
                found.add(implied)
                waiting.extend(self._tasks[implied].implies)
        return frozenset(found - {name})

    def _all_excluded_by(self, name: str) -> frozenset[str]:
        certain = self._implied[name] | {name}
        direct = {other for task in certain for other in self._tasks[task].excludes}
        direct |= {other.name for other in self._tasks.values() if certain & set(other.excludes)}
        upward = {other for other in self._tasks if self._implied[other] & direct}
        return frozenset(direct | upward)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    def __getitem__(self, name: str) -> Task:
        """The task called `name`, now or before it was renamed.

        Raises:
            UnknownName: There is none; offers the nearest known name.
        """
        name = self.current_name(name)
        if name not in self._tasks:
            raise unknown_name("task", name, self._tasks)
        return self._tasks[name]

    def current_name(self, name: str) -> str:
        """What the task that is or was called `name` is called now; `name` itself if unknown."""
        return self._renamed.get(name, name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in the order of definition, which is the order of one-hot codes and logits."""
        return tuple(self._tasks)

    @property
    def in_use(self) -> tuple[str, ...]:
        """Names of the tasks that are not archived, in the same order."""
        return tuple(task.name for task in self if not task.archived)

    def implied_by(self, name: str) -> frozenset[str]:
        """Every other task that has succeeded when `name` has."""
        return self._implied[self[name].name]

    def excluded_by(self, name: str) -> frozenset[str]:
        """Every task that has failed when `name` has succeeded."""
        return self._excluded[self[name].name]

    def implying(self, name: str) -> frozenset[str]:
        """Every other task that has failed when `name` has failed (the contrapositive)."""
        return frozenset(other for other in self._tasks if self[name].name in self._implied[other])

    def as_json(self) -> list[dict[str, Any]]:
        """Plain values, which `from_json` reads back."""
        return [asdict(task) for task in self]

    @classmethod
    def from_json(cls, content: Iterable[Mapping[str, Any]]) -> Self:
        """The tasks that `as_json` wrote. Raises `KeyError` or `TypeError` where one is damaged."""
        return cls(
            Task(
                name=task["name"],
                skill=task["skill"],
                description=task["description"],
                implies=tuple(task["implies"]),
                excludes=tuple(task["excludes"]),
                formerly=tuple(task.get("formerly", ())),
                archived=bool(task.get("archived", False)),
            )
            for task in content
        )

    def of_skill(self, skill: str) -> tuple[str, ...]:
        """Names of the tasks of one skill."""
        return tuple(task.name for task in self if task.skill == skill)

    def only(self, names: Iterable[str]) -> TaskSet:
        """The sub-set with `names`, in this set's order, its closed relations kept."""
        wanted = {self[name].name for name in names}
        return TaskSet(
            replace(
                task,
                implies=tuple(n for n in self.names if n in self._implied[task.name] & wanted),
                excludes=tuple(n for n in self.names if n in self._excluded[task.name] & wanted),
            )
            for task in self
            if task.name in wanted
        )


def _seed_tasks() -> Iterator[Task]:
    yield Task(
        name="lift-any",
        skill="lift",
        description="The gripper holds any one object clear of the bin.",
    )
    lifts = [f"lift-{kind}" for kind in OBJECT_KINDS]
    for name, kind in zip(lifts, OBJECT_KINDS, strict=True):
        yield Task(
            name=name,
            skill="lift",
            description=f"The gripper holds the {kind} clear of the bin.",
            implies=("lift-any",),
            excludes=tuple(other for other in lifts if other != name),
        )
    yield Task(
        name="place-any",
        skill="place",
        description="An object lies anywhere on the plate and the gripper has let go of it.",
    )
    for section in PLATE_SECTIONS:
        yield Task(
            name=f"place-{section}",
            skill="place",
            description=(
                f"An object lies in the {section.replace('-', ' ')} section of the plate and the "
                "gripper has let go of it."
            ),
            implies=("place-any",),
            excludes=tuple(f"place-{other}" for other in PLATE_SECTIONS if other != section),
        )


SEED_TASKS = TaskSet(_seed_tasks())
"""The 12 tasks of the paper's ablations (MT-Opt, Table 3)."""
