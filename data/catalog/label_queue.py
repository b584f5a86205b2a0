"""What to ask people next: which pictures, in which order, and what chance alone has drawn.

Every function is one question of a page, answered in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa

from data.catalog.catalog import Catalog
from data.catalog.questions import Known, answer_sets
from data.catalog.transaction import Transaction, one_of
from data.episodes.index import IndexedEpisode, indexed_episodes

Order = Literal["newest first", "oldest first", "never labelled", "random share"]

_SQL_ORDER: Mapping[Order, str] = {
    "newest first": "recorded_at_ns DESC, episode_id DESC",
    "oldest first": "recorded_at_ns, episode_id",
    "never labelled": "recorded_at_ns DESC, episode_id DESC",
    "random share": "hash(episode_id)",
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
    """`never labelled` leaves out episodes of which anything was said; `random share` follows a
    draw that depends on the episode alone, so that it goes on where it stopped."""


class Ranking(NamedTuple):
    """The only questions to ask, and their order: three columns, a row a question."""

    episode_ids: Sequence[str]
    tasks: Sequence[str]
    ranks: Sequence[float]
    """The lowest is asked first; an episode goes by its lowest."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which of these tasks ended in success in this episode?"""

    episode: IndexedEpisode
    tasks: tuple[str, ...]
    """Those that nobody has answered and that follow from no answer."""
    known: Known
    """What is known of the frame already."""

    @property
    def frame_index(self) -> int:
        """The terminal frame, which people label and the detector judges."""
        return self.episode.info.step_count - 1


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The questions that match a filter; counted by task, not by picture."""

    first: tuple[Question, ...]
    """Those to ask first, in order, one a picture."""
    waiting: int
    """Not answered yet."""
    answered: int
    """A person or the simulator has said, or the person was unsure."""
    derived: int
    """Need no answer: they follow from another task's label."""
    known_to_simulator: int
    """Episodes that wait here, whose outcome a simulator knows and of which nobody has spoken."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One task's answers about the episodes that chance drew first, without a gap."""

    task: str
    successes: int
    failures: int
    unsure: int
    """Answered, but with no outcome."""
    of: int
    """Questions about the task in the whole selection."""


NOTHING_KNOWN = Known(stated={}, conclusions={}, conflict=None)


def queue(
    catalog: Catalog,
    wanted: QueueFilter,
    *,
    most: int,
    ranking: Ranking | None = None,
    skipped: Collection[str] = (),
    unreadable_shards: Collection[str] = (),
) -> Queue:
    """The terminal frames of robot episodes that nobody has answered, for the wanted tasks.

    Args:
        most: How many pictures to ask about.
        ranking: Ask only these, in their order instead of the filter's.
        skipped: Episodes to ask about last.
        unreadable_shards: Shards whose episodes cannot be shown now.
    """
    where, parameters = _matching(wanted, unreadable_shards)
    source, asked = "episodes", "NULL"
    if ranking is not None:
        source, asked = "episodes JOIN ranking USING (episode_id)", "asked"
    ranked = pa.table(list(ranking or Ranking([], [], [])), schema=_RANKING)
    with catalog.transaction() as transaction, transaction.table("ranking", ranked):
        groups = transaction.rows(
            f"SELECT answers_id, task, {asked} AS asked, count(*) AS count "
            f"FROM {source} {where} GROUP BY ALL",
            parameters,
        )
        sets = answer_sets(transaction, "SELECT answers_id FROM answers")
        open_questions: list[_Open] = []
        waiting = answered = derived = 0
        for group in groups:
            number = group["answers_id"] or _NO_ANSWERS
            known = sets.get(number, NOTHING_KNOWN)
            tasks = _asked(wanted, group["task"])
            if ranking is not None:
                tasks = [task for task in tasks if task == group["asked"]]
            stated = sum(task in known.stated for task in tasks)
            open_tasks = _open(tasks, known)
            answered += group["count"] * stated
            waiting += group["count"] * len(open_tasks)
            derived += group["count"] * (len(tasks) - stated - len(open_tasks))
            open_questions += [_Open(number, group["task"] or "", task) for task in open_tasks]
        if ranking is None:
            found = _first(
                transaction, where, parameters, open_questions, wanted.order, most + len(skipped)
            )
        else:
            found = _first_ranked(
                transaction, where, parameters, open_questions, most + len(skipped)
            )
        first = _questions(transaction, wanted, found, sets)
        truthful = transaction.value(
            f"SELECT count(*) FROM episodes {where} AND {_untold(wanted)}", parameters
        )
    first.sort(key=lambda each: each.episode.info.episode_id in skipped)
    return Queue(
        first=tuple(first[:most]),
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


def drawn_by_chance(catalog: Catalog, wanted: QueueFilter) -> list[Drawn]:
    """What was answered, task by task, in the order of the random share up to the first gap.

    Which episodes are among these was decided by chance alone, whoever labelled them and why, so
    that their successes tell the rate in the whole selection. The filter's order is not used.
    """
    where, parameters = _matching(wanted, ())
    own = "task = asked" if wanted.only_own_task else "TRUE"
    with catalog.transaction() as transaction:
        sets = answer_sets(transaction, "SELECT answers_id FROM answers")
        said = [
            (number, task, _outcome(known, task))
            for number, known in sets.items()
            for task in wanted.tasks
        ]
        columns = [[row[index] for row in said] for index in range(len(_SAID))]
        with transaction.table("said_outcomes", pa.table(columns, schema=_SAID)):
            rows = transaction.rows(
                "WITH drawn AS (SELECT asked, hash(episode_id) AS lot, said FROM episodes "
                f"JOIN (SELECT unnest(?::VARCHAR[]) AS asked) ON {own} "
                "LEFT JOIN said_outcomes ON said_id = answers_id AND said_task = asked "
                f"{where}), "
                "gaps AS (SELECT asked, min(lot) AS gap FROM drawn WHERE said IS NULL "
                "GROUP BY asked) "
                'SELECT asked AS task, count(*) AS "of", '
                + ", ".join(
                    f"count(*) FILTER (said = '{outcome}' AND (gap IS NULL OR lot < gap)) "
                    f"AS {column}"
                    for outcome, column in _OUTCOME_COLUMNS
                )
                + " FROM drawn LEFT JOIN gaps USING (asked) GROUP BY asked",
                [list(wanted.tasks), *parameters],
            )
    by_task = {row["task"]: Drawn(**row) for row in rows}
    return [by_task[task] for task in wanted.tasks if task in by_task]


def draw_of_each_robot(
    catalog: Catalog, *, behaviour: str, tasks: Collection[str], most: int
) -> list[IndexedEpisode]:
    """Robot episodes of one behaviour and these tasks, drawn by chance, by robot.

    An episode's place in the draw depends on its id alone: the same ones are drawn at every call,
    later episodes displace some, and a larger draw contains a smaller one.

    Args:
        most: So many of each robot at most.
    """
    with catalog.transaction() as transaction:
        return indexed_episodes(
            transaction,
            "WHERE episode_id IN (SELECT unnest(min_by(episode_id, md5(episode_id), ?)) "
            "FROM episodes WHERE kind = 'robot' AND behaviour = ? "
            "AND list_contains(?::VARCHAR[], task) GROUP BY robot) "
            "ORDER BY robot, md5(episode_id)",
            [most, behaviour, list(tasks)],
        )


class _Open(NamedTuple):
    """Episodes with these answers and this own task have this question open."""

    answers_id: int
    own_task: str
    task: str


_Found = tuple[str, int | None, Sequence[str] | None]
"""An episode, its set of answers, and the tasks to ask; None: all that are open."""

_RANKING = pa.schema([("episode_id", pa.string()), ("asked", pa.string()), ("rank", pa.float64())])
_SAID = pa.schema([("said_id", pa.int32()), ("said_task", pa.string()), ("said", pa.string())])
_NO_ANSWERS = 0
"""Stands for no set of answers; sets are numbered from 1."""
_OUTCOME_COLUMNS = (("success", "successes"), ("failure", "failures"), ("unsure", "unsure"))


def _asked(wanted: QueueFilter, own_task: str | None) -> list[str]:
    return [task for task in wanted.tasks if not wanted.only_own_task or task == own_task]


def _open(asked: Iterable[str], known: Known) -> list[str]:
    """The tasks still to be asked; where answers disagree, people are asked to mend them first."""
    return [task for task in asked if _outcome(known, task) is None]


def _outcome(known: Known, task: str) -> str | None:
    """What is known of a task; `unsure` also where answers contradict each other."""
    if task in known.conclusions:
        return known.conclusions[task].outcome
    return "unsure" if task in known.stated else None


def _matching(wanted: QueueFilter, unreadable_shards: Collection[str]) -> tuple[str, list[object]]:
    conditions, parameters = ["kind = 'robot'"], list[object]()
    for column, names in (("robot", wanted.robots), ("behaviour", wanted.behaviours)):
        if names:
            conditions.append(f"list_contains(?::VARCHAR[], {column})")
            parameters.append(sorted(names))
    if wanted.only_own_task:
        conditions.append("list_contains(?::VARCHAR[], task)")
        parameters.append(list(wanted.tasks))
    if wanted.order == "never labelled":
        conditions.append("answers_id IS NULL")
    if unreadable_shards:
        conditions.append("NOT list_contains(?::VARCHAR[], shard)")
        parameters.append(sorted(unreadable_shards))
    return f"WHERE {' AND '.join(conditions)}", parameters


def _untold(wanted: QueueFilter) -> str:
    """Nobody spoke of it, and the simulator knows the outcome of a task that is asked about."""
    tasks = ["task"] if wanted.only_own_task else [f"'{task}'" for task in wanted.tasks]
    knows = " OR ".join(f"""contains(truth, '"' || {task} || '":')""" for task in tasks)
    return f"answers_id IS NULL AND truth IS NOT NULL AND ({knows})"


def _first(
    transaction: Transaction,
    where: str,
    parameters: Sequence[object],
    open_questions: Sequence[_Open],
    order: Order,
    most: int,
) -> list[_Found]:
    """The first episodes with an open question, by the order of the filter."""
    groups = sorted({(each.answers_id, each.own_task) for each in open_questions})
    if not groups:
        return []
    columns = {"answers_id": [each[0] for each in groups], "task": [each[1] for each in groups]}
    with transaction.table("open_groups", columns):
        rows = transaction.rows(
            "SELECT episode_id, answers_id FROM episodes "
            f"{where} AND (coalesce(answers_id, {_NO_ANSWERS}), coalesce(task, '')) IN "
            f"(SELECT (answers_id, task) FROM open_groups) ORDER BY {_SQL_ORDER[order]} LIMIT ?",
            [*parameters, most],
        )
    return [(row["episode_id"], row["answers_id"], None) for row in rows]


def _first_ranked(
    transaction: Transaction,
    where: str,
    parameters: Sequence[object],
    open_questions: Sequence[_Open],
    most: int,
) -> list[_Found]:
    """The first episodes with an open question that is ranked, by their ranks."""
    if not open_questions:
        return []
    columns = dict(zip(_Open._fields, zip(*open_questions, strict=True), strict=True))
    with transaction.table("open_questions", columns):
        rows = transaction.rows(
            "SELECT episode_id, any_value(answers_id) AS answers_id, list(asked) AS asked "
            f"FROM episodes JOIN ranking USING (episode_id) {where} "
            f"AND (coalesce(answers_id, {_NO_ANSWERS}), coalesce(task, ''), asked) IN "
            "(SELECT (answers_id, own_task, task) FROM open_questions) "
            "GROUP BY episode_id ORDER BY min(rank), episode_id LIMIT ?",
            [*parameters, most],
        )
    return [(row["episode_id"], row["answers_id"], row["asked"]) for row in rows]


def _questions(
    transaction: Transaction,
    wanted: QueueFilter,
    found: Sequence[_Found],
    sets: Mapping[int, Known],
) -> list[Question]:
    of_these, ids = one_of("episode_id", [episode_id for episode_id, _, _ in found])
    indexed = indexed_episodes(transaction, f"WHERE {of_these}", ids)
    by_id = {episode.info.episode_id: episode for episode in indexed}
    questions = []
    for episode_id, answers_id, tasks in found:
        episode = by_id[episode_id]
        known = sets.get(answers_id or _NO_ANSWERS, NOTHING_KNOWN)
        open_tasks = _open(_asked(wanted, episode.info.task), known)
        questions.append(
            Question(
                episode=episode,
                tasks=tuple(task for task in open_tasks if tasks is None or task in tasks),
                known=known,
            )
        )
    return questions
