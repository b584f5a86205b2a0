"""How far people agree about the same frames, and where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import krippendorff
import numpy as np

from data.catalog.catalog import Catalog
from data.catalog.questions import Frame

_VALUES = {"success": 1.0, "failure": 0.0}

_BY_PERSON = """
    SELECT episode_id, frame_index, task, "by", outcome, source, line
    FROM labels JOIN (SELECT episode_id, kind, step_count FROM episodes) USING (episode_id)
    WHERE retracts IS NULL AND source IN ('person', 'review')
    AND kind = 'robot' AND frame_index = step_count - 1
    AND label_id NOT IN (SELECT retracts FROM labels WHERE retracts IS NOT NULL)
    QUALIFY row_number() OVER (PARTITION BY episode_id, frame_index, task, "by"
                               ORDER BY line DESC) = 1
"""
"""The newest answer of each person to each question, where it was not taken back.

Questions are about the terminal frames of robots' episodes that are here. What people say of a
clip's frames is no answer to one: it corrects or trims what somebody recorded.
"""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One question that several people answered."""

    frame: Frame
    task: str
    answers: Mapping[str, str]
    """By person: success or failure."""
    decided: bool
    """Somebody settled it in review after the others had answered."""

    @property
    def disputed(self) -> bool:
        """Whether their answers differ and nobody has settled it."""
        return len(set(self.answers.values())) > 1 and not self.decided


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far people agree, on one task or about one person's answers."""

    questions: int
    """Answered by two people or more."""
    share: float
    """Of all pairs of answers to one question, how many are the same, in [0, 1]."""
    alpha: float | None
    """Krippendorff's alpha (nominal): 1 agrees always, 0 as by chance; None where every answer is
    the same, so that chance alone would agree as well."""


def answered_twice(catalog: Catalog) -> list[Answered]:
    """The questions that two people or more have answered with success or failure."""
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            f"SELECT * FROM ({_BY_PERSON}) WHERE outcome <> 'unsure' "
            "QUALIFY count(*) OVER (PARTITION BY episode_id, frame_index, task) > 1 "
            "ORDER BY episode_id, frame_index, task, line"
        )
    found: dict[tuple[Frame, str], list[dict[str, object]]] = {}
    for row in rows:
        key = (Frame(row["episode_id"], row["frame_index"]), row["task"])
        found.setdefault(key, []).append(row)
    return [
        Answered(
            frame=frame,
            task=task,
            answers={str(row["by"]): str(row["outcome"]) for row in answers},
            decided=answers[-1]["source"] == "review",
        )
        for (frame, task), answers in found.items()
    ]


def for_a_second_opinion(
    catalog: Catalog, *, by: str, tasks: Sequence[str], share: float, most: int
) -> list[tuple[Frame, str]]:
    """Questions that exactly one other person has answered, drawn blindly.

    Args:
        by: Who is to answer; is never asked about an own answer.
        share: Of all answered questions, in [0, 1]; the same ones are drawn for everybody.
        most: No more than so many.
    """
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            f"SELECT episode_id, frame_index, task FROM ({_BY_PERSON}) "
            "WHERE list_contains(?::VARCHAR[], task) GROUP BY episode_id, frame_index, task "
            'HAVING count(*) = 1 AND any_value("by") <> ? '
            "AND hash(episode_id || ':' || task) % 1000 < ? "
            "ORDER BY hash(task || ':' || episode_id), frame_index LIMIT ?",
            (list(tasks), by, round(1000 * share), most),
        )
    return [(Frame(row["episode_id"], row["frame_index"]), row["task"]) for row in rows]


def by_task(answered: Iterable[Answered]) -> dict[str, Agreement]:
    """The agreement of everybody on each task."""
    groups: dict[str, list[Mapping[str, str]]] = {}
    for each in answered:
        groups.setdefault(each.task, []).append(each.answers)
    return {task: measure(answers) for task, answers in sorted(groups.items())}


def by_person(answered: Sequence[Answered]) -> dict[str, Agreement]:
    """The agreement of each person with each other one; how these agree among themselves does not
    count."""
    people = sorted({person for each in answered for person in each.answers})
    return {person: _with_others(person, answered) for person in people}


def _with_others(person: str, answered: Iterable[Answered]) -> Agreement:
    theirs = [each.answers for each in answered if person in each.answers]
    pairs = [
        {person: each[person], other: each[other]}
        for each in theirs
        for other in each
        if other != person
    ]
    return replace(measure(pairs), questions=len(theirs))


def measure(answers: Sequence[Mapping[str, str]]) -> Agreement:
    """The agreement among people's answers, one mapping (by person) for each question."""
    pairs = [
        first == second for each in answers for first, second in combinations(each.values(), 2)
    ]
    people = sorted({person for each in answers for person in each})
    value_PQ = np.array(
        [[_VALUES.get(each.get(person, ""), np.nan) for each in answers] for person in people]
    )
    varied = len({answer for each in answers for answer in each.values()}) > 1
    return Agreement(
        questions=len(answers),
        share=sum(pairs) / len(pairs) if pairs else 1.0,
        alpha=float(krippendorff.alpha(value_PQ, level_of_measurement="nominal"))
        if varied
        else None,
    )
