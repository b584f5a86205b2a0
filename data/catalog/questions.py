"""What to ask people next, and what is known of frames that somebody spoke about.

Every function is one question of a page, answered in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from data.catalog.answers import parse_stated
from data.catalog.catalog import Catalog
from data.catalog.counts import CLIPS_IN_USE, CONFLICTING
from data.catalog.transaction import Transaction, one_of
from data.episodes.index import IndexedEpisode, indexed_episodes
from data.labels.labels import Label
from data.tasks.feasibility import Conclusion

Order = Literal["newest first", "oldest first", "mixed"]

_SQL_ORDER: Mapping[Order, str] = {
    "newest first": "recorded_at_ns DESC, episode_id DESC",
    "oldest first": "recorded_at_ns, episode_id",
    "mixed": "hash(episode_id)",
}


@dataclass(frozen=True, kw_only=True)
class QueueFilter:
    """What a person wants to be asked."""

    tasks: tuple[str, ...]
    """The tasks to ask about."""
    only_own_task: bool = True
    """Ask about an episode only the task its robot was trying."""
    robots: frozenset[str] = frozenset()
    """Robots to ask about; empty: all."""
    behaviours: frozenset[str] = frozenset()
    """Behaviours to ask about; empty: all."""
    order: Order = "newest first"


@dataclass(frozen=True, kw_only=True)
class Question:
    """Did this episode end in success of this task?"""

    episode: IndexedEpisode
    task: str

    @property
    def frame_index(self) -> int:
        """The terminal frame, which people label and the detector judges."""
        return self.episode.info.step_count - 1


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The questions that match a filter."""

    first: tuple[Question, ...]
    """Those to ask first, in order."""
    waiting: int
    """Not answered yet."""
    answered: int
    """A person or the simulator has said, or the person was unsure."""
    derived: int
    """Need no answer: they follow from another task's label."""
    known_to_simulator: int
    """Episodes that wait here, whose outcome a simulator knows and of which nobody has spoken."""


class Frame(NamedTuple):
    """One frame, or (None) every frame of a clip."""

    episode_id: str
    frame_index: int | None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of one frame."""

    stated: Mapping[str, str]
    """The standing answer to each task."""
    conclusions: Mapping[str, Conclusion]
    """What was stated and what follows; empty where the answers cannot all be true."""
    conflict: str | None
    """Why they cannot."""


@dataclass(frozen=True, kw_only=True)
class GivenAnswer:
    """A label as the list of recent answers shows it."""

    label: Label
    robot: str | None
    """None where its episode is not in the index."""
    stands: bool
    """Whether it still counts: not taken back, not replaced."""


def queue(
    catalog: Catalog,
    wanted: QueueFilter,
    *,
    most: int,
    skipped: Collection[tuple[str, str]] = (),
    unreadable_shards: Collection[str] = (),
) -> Queue:
    """The terminal frames of robot episodes that nobody has answered, for the wanted tasks.

    Args:
        most: How many questions to give.
        skipped: Questions to ask last, each by its episode and task.
        unreadable_shards: Shards whose episodes cannot be shown now.
    """
    where, parameters = _matching(wanted, unreadable_shards)
    with catalog.transaction() as transaction:
        groups = transaction.rows(
            f"SELECT answers_id, task, count(*) AS count FROM episodes {where} GROUP BY ALL",
            parameters,
        )
        sets = _sets(transaction, "SELECT answers_id FROM answers")
        open_groups: list[tuple[int, str | None]] = []
        waiting = answered = derived = 0
        for group in groups:
            known = sets.get(group["answers_id"] or _NO_ANSWERS, _NOTHING)
            asked = _asked(wanted, group["task"])
            stated = sum(task in known.stated for task in asked)
            open_tasks = _open(asked, known)
            answered += group["count"] * stated
            waiting += group["count"] * len(open_tasks)
            derived += group["count"] * (len(asked) - stated - len(open_tasks))
            if open_tasks:
                open_groups.append((group["answers_id"] or _NO_ANSWERS, group["task"]))
        episodes = _first_episodes(
            transaction, wanted, where, parameters, open_groups, most + len(skipped)
        )
        untold = _untold(wanted)
        truthful = transaction.value(
            f"SELECT count(*) FROM episodes {where} AND {untold}", parameters
        )
    questions = [
        Question(episode=episode, task=task)
        for episode, answers_id in episodes
        for task in _open(
            _asked(wanted, episode.info.task), sets.get(answers_id or _NO_ANSWERS, _NOTHING)
        )
    ]
    questions.sort(key=lambda each: (each.episode.info.episode_id, each.task) in skipped)
    return Queue(
        first=tuple(questions[:most]),
        waiting=waiting,
        answered=answered,
        derived=derived,
        known_to_simulator=truthful,
    )


def episodes_with_truth(
    catalog: Catalog, wanted: QueueFilter, *, most: int
) -> list[IndexedEpisode]:
    """Episodes that match, whose outcome a simulator knows and of which nobody has spoken."""
    where, parameters = _matching(wanted, ())
    with catalog.transaction() as transaction:
        return indexed_episodes(
            transaction, f"{where} AND {_untold(wanted)} LIMIT ?", [*parameters, most]
        )


def newest_clips(
    catalog: Catalog, *, of_each_task: int, robot: str | None = None, task: str | None = None
) -> list[IndexedEpisode]:
    """The clips in use that were recorded last of each task, newest first, as they are labelled.

    Args:
        of_each_task: So many of each task.
        robot: Only of this robot.
        task: Only of this task.
    """
    with catalog.transaction() as transaction:
        return indexed_episodes(
            transaction,
            "WHERE (? IS NULL OR robot = ?) AND (? IS NULL OR task = ?) "
            "QUALIFY row_number() OVER (PARTITION BY task "
            "ORDER BY recorded_at_ns DESC, episode_id DESC) <= ? "
            "ORDER BY recorded_at_ns DESC, episode_id DESC",
            (robot, robot, task, task, of_each_task),
            source=f"({CLIPS_IN_USE})",
        )


def known_about(catalog: Catalog, frames: Iterable[Frame]) -> dict[Frame, Known]:
    """What is known of each of the `frames`; those of which nobody spoke are left out."""
    with catalog.transaction() as transaction:
        return _known_about(transaction, list(dict.fromkeys(frames)))


def recent_answers(catalog: Catalog, *, sources: Sequence[str], most: int) -> list[GivenAnswer]:
    """The labels given last through any of the `sources`, newest first, without the undos."""
    columns = ", ".join(f'l."{column}"' for column in Label.__dataclass_fields__)
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            f"WITH newest AS (SELECT line FROM labels WHERE retracts IS NULL "
            "AND list_contains(?::VARCHAR[], source) ORDER BY line DESC LIMIT ?) "
            f"SELECT {columns}, l.stands, e.robot FROM labels l "
            "LEFT JOIN episodes e USING (episode_id) "
            "WHERE l.line IN (FROM newest) ORDER BY l.line DESC",
            (list(sources), most),
        )
    return [
        GivenAnswer(robot=row.pop("robot"), stands=row.pop("stands"), label=Label(**row))
        for row in rows
    ]


def conflicts(catalog: Catalog, *, most: int) -> dict[Frame, Known]:
    """The first frames whose answers cannot all be true."""
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            f"SELECT episode_id, frame_index FROM ({CONFLICTING}) "
            "ORDER BY episode_id, frame_index NULLS FIRST LIMIT ?",
            (most,),
        )
        return _known_about(transaction, [Frame(**row) for row in rows])


_NO_ANSWERS = 0
"""Stands for no set of answers; sets are numbered from 1."""
_NOTHING = Known(stated={}, conclusions={}, conflict=None)


def _asked(wanted: QueueFilter, own_task: str | None) -> list[str]:
    return [task for task in wanted.tasks if not wanted.only_own_task or task == own_task]


def _open(asked: Iterable[str], known: Known) -> list[str]:
    """The tasks still to be asked; where answers disagree, people are asked to mend them first."""
    return [task for task in asked if task not in known.stated and task not in known.conclusions]


def _matching(wanted: QueueFilter, unreadable_shards: Collection[str]) -> tuple[str, list[object]]:
    conditions, parameters = ["kind = 'robot'"], list[object]()
    for column, names in (("robot", wanted.robots), ("behaviour", wanted.behaviours)):
        if names:
            conditions.append(f"list_contains(?::VARCHAR[], {column})")
            parameters.append(sorted(names))
    if wanted.only_own_task:
        conditions.append("list_contains(?::VARCHAR[], task)")
        parameters.append(list(wanted.tasks))
    if unreadable_shards:
        conditions.append("NOT list_contains(?::VARCHAR[], shard)")
        parameters.append(sorted(unreadable_shards))
    return f"WHERE {' AND '.join(conditions)}", parameters


def _untold(wanted: QueueFilter) -> str:
    """Nobody spoke of it, and the simulator knows the outcome of a task that is asked about."""
    tasks = ["task"] if wanted.only_own_task else [f"'{task}'" for task in wanted.tasks]
    knows = " OR ".join(f"""contains(truth, '"' || {task} || '":')""" for task in tasks)
    return f"answers_id IS NULL AND truth IS NOT NULL AND ({knows})"


def _first_episodes(
    transaction: Transaction,
    wanted: QueueFilter,
    where: str,
    parameters: Sequence[object],
    open_groups: Sequence[tuple[int, str | None]],
    most: int,
) -> list[tuple[IndexedEpisode, int | None]]:
    """The first episodes with an open question, each with its set of answers."""
    if not open_groups:
        return []
    columns = {
        "answers_id": [answers_id for answers_id, _ in open_groups],
        "task": [task for _, task in open_groups],
    }
    order = _SQL_ORDER[wanted.order]
    with transaction.table("open_groups", columns):
        rows = transaction.rows(
            "SELECT episode_id, answers_id FROM episodes "
            f"{where} AND (coalesce(answers_id, {_NO_ANSWERS}), task) IN "
            f"(SELECT (answers_id, task) FROM open_groups) ORDER BY {order} LIMIT ?",
            [*parameters, most],
        )
    ids = [row["episode_id"] for row in rows]
    found = indexed_episodes(transaction, f"WHERE {one_of('episode_id', ids)}", ids)
    by_id = {episode.info.episode_id: episode for episode in found}
    return [(by_id[row["episode_id"]], row["answers_id"]) for row in rows]


def _sets(
    transaction: Transaction, ids: str, parameters: Sequence[object] = ()
) -> dict[int, Known]:
    """The sets of answers that a query names, with what follows from them."""
    answers = transaction.rows(f"SELECT * FROM answers WHERE answers_id IN ({ids})", parameters)
    follows: dict[int, dict[str, Conclusion]] = {}
    for row in transaction.rows(
        f"SELECT * FROM conclusions WHERE answers_id IN ({ids})", parameters
    ):
        conclusion = Conclusion(row["outcome"], row["derived_from"])
        follows.setdefault(row["answers_id"], {})[row["task"]] = conclusion
    return {
        row["answers_id"]: Known(
            stated=parse_stated(row["stated"]),
            conclusions=follows.get(row["answers_id"], {}),
            conflict=row["conflict"],
        )
        for row in answers
    }


def _known_about(transaction: Transaction, frames: Sequence[Frame]) -> dict[Frame, Known]:
    ids = list({frame.episode_id for frame in frames})
    rows: list[dict[str, Any]] = transaction.rows(
        "SELECT episode_id, "
        "CASE kind WHEN 'clip' THEN NULL ELSE step_count - 1 END AS frame_index, answers_id "
        f"FROM episodes WHERE {one_of('episode_id', ids)} AND answers_id IS NOT NULL "
        "UNION ALL SELECT episode_id, frame_index, answers_id FROM frame_answers "
        f"WHERE {one_of('episode_id', ids)}",
        [*ids, *ids],
    )
    asked = set(frames)
    number_of = {
        frame: row["answers_id"]
        for row in rows
        if (frame := Frame(row["episode_id"], row["frame_index"])) in asked
    }
    sets = _sets(transaction, "SELECT unnest(?::INTEGER[])", (list(set(number_of.values())),))
    return {frame: sets[number_of[frame]] for frame in frames if frame in number_of}
