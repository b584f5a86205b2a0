"""What a person typed about a task, what that suggests, and the task set it would make."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from data.errors import InvalidInput
from data.tasks.changes import implying
from data.tasks.tasks import Task, TaskSet

_TELLING = 4
"""Shorter words, such as `on` and `has`, tell no skill."""
_OPPOSITES = {"left": "right", "top": "bottom", "front": "back", "open": "closed", "full": "empty"}
"""Words of names of which one is true at most."""

Relation = Literal["succeeded", "failed", "either"]
"""What the success of one task says about another."""


@dataclass(frozen=True, kw_only=True)
class TaskDraft:
    """A task as it stands in the form; nothing is checked yet."""

    name: str
    skill: str
    description: str
    implies: tuple[str, ...]
    excludes: tuple[str, ...]
    implied_by: tuple[str, ...] = ()
    """Tasks that shall imply it from now on."""


def name_from_words(text: str) -> str:
    """The task name that plain words make: `On the left!` becomes `on-the-left`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))


def suggested_skill(tasks: TaskSet, name: str, description: str = "") -> str | None:
    """The known skill that a name begins with, as `lift-pear` begins with `lift`, or that its
    words speak of most: what all tasks of one skill say and none of another, as `plate`.
    """
    skills = list(dict.fromkeys(task.skill for task in tasks))
    fitting = [skill for skill in skills if f"{name}-".startswith(f"{skill}-")]
    if fitting:
        return max(fitting, key=len)
    said = _words(name) | _words(name_from_words(description))
    spoken = {
        skill: [
            _words(task.name) | _words(name_from_words(task.description))
            for task in tasks
            if task.skill == skill
        ]
        for skill in skills
    }
    hits = {}
    for skill, own in spoken.items():
        others = [words for other in skills if other != skill for words in spoken[other]]
        typical = set.intersection(*own).difference(*others)
        hits[skill] = len({word for word in typical & said if len(word) >= _TELLING})
    best = max(hits, key=lambda skill: hits[skill], default=None)
    alone = best is not None and list(hits.values()).count(hits[best]) == 1
    return best if alone and best is not None and hits[best] else None


def suggested_relations(tasks: TaskSet, name: str, skill: str) -> dict[str, Relation]:
    """What success of a new task would likely say about each task in use.

    In a skill, a task that others imply is the general one (`lift-any`): it has succeeded too.
    Where the specific tasks of the skill exclude each other, a new one that is named like them
    (`lift-pear`) or says the opposite (left, right) excludes them as well, but none that it shares
    a telling word with: what lies on the left may lie at the top left. A wrong "never" spoils
    labels, "it depends" only leaves some to be given. Of other skills nothing is known. A new task
    whose name ends in `any` is a general one itself.
    """
    own = [task for task in tasks.of_skill(skill) if task != name]
    general = {task for task in own if task.endswith("-any") or tasks.implying(task) & set(own)}
    exclusive = any(tasks.excluded_by(task) & set(own) for task in own)
    alike = f"{name}-".startswith(f"{skill}-")
    told = _words(name)
    suggested: dict[str, Relation] = dict.fromkeys(tasks.in_use, "either")
    for task in set(own) & set(tasks.in_use):
        if name.endswith("-any"):
            continue
        telling = _words(task) - {skill}
        if task in general:
            suggested[task] = "succeeded"
        elif exclusive and not telling & told and (alike or telling & _opposites(told)):
            suggested[task] = "failed"
    return suggested


def _words(name: str) -> set[str]:
    """The words of a name without a plural's or verb's last letter: `holds` is `hold`."""
    return {word.removesuffix("s") for word in name.split("-")}


def _opposites(words: Iterable[str]) -> set[str]:
    both = _OPPOSITES | {second: first for first, second in _OPPOSITES.items()}
    return {both[word] for word in words if word in both}


def most_like(tasks: TaskSet, task: Task) -> str | None:
    """The one of `tasks` whose success is most likely success of `task` too, as `place-top-left` is
    for what shall lie on the left: of the same skill, sharing the most words, then the general one.
    """
    told = _words(task.name) | _words(name_from_words(task.description))
    apart = _opposites(_words(task.name))
    alike = {
        name: (len(words & told) - len(words & apart), name in task.implies)
        for name in tasks.of_skill(task.skill)
        for words in (_words(name) - {task.skill},)
    }
    return max(alike, key=lambda name: alike[name], default=None)


def suggested_implying(tasks: TaskSet, name: str, skill: str) -> tuple[str, ...]:
    """The tasks that would likely imply a new one: all of its skill where it is a general one."""
    if not name.endswith("-any"):
        return ()
    return tuple(task for task in tasks.of_skill(skill) if task in tasks.in_use and task != name)


def proposed_task(tasks: TaskSet, draft: TaskDraft, *, new: bool) -> Task:
    """The task that the draft describes.

    Raises:
        InvalidInput: A name that cannot be used or, where it should be `new`, that is taken.
    """
    known = tasks[draft.name] if not new else None
    task = Task(
        name=draft.name.strip(),
        skill=draft.skill.strip(),
        description=draft.description.strip(),
        implies=draft.implies,
        excludes=draft.excludes,
        formerly=known.formerly if known else (),
        archived=known.archived if known else False,
    )
    if new and task.name in tasks:
        raise InvalidInput(
            f"There is a task '{task.name}' already.",
            next_step="Choose another name, or change that task instead.",
        )
    return task


def proposed_tasks(tasks: TaskSet, draft: TaskDraft, *, new: bool) -> TaskSet:
    """The tasks as they would be with the draft; `tasks` itself is left alone.

    Raises:
        InvalidInput: See `proposed_task`.
        TaskRelationError: The relations contradict themselves.
    """
    task = proposed_task(tasks, draft, new=new)
    kept = [
        task if known.name == task.name else implying(known, task.name, draft.implied_by)
        for known in tasks
    ]
    return TaskSet([*kept, task] if new else kept)
