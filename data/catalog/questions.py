"""What is known of frames that somebody spoke about, and what was answered last.

Every function is one question of a page, answered in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from data.catalog.answers import parse_stated
from data.catalog.catalog import Catalog
from data.catalog.counts import CLIPS_IN_USE, CONFLICTING
from data.catalog.transaction import Transaction, one_of
from data.episodes.index import IndexedEpisode, indexed_episodes
from data.labels.labels import Label
from data.tasks.feasibility import Conclusion

_NEWEST_LINES = 10_000
"""Where the newest answers are looked for first."""


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
        last = transaction.value("SELECT coalesce(max(line), 0) FROM labels")
        for line in (last - _NEWEST_LINES, -1):  # the whole log only where few are of the sources
            rows = transaction.rows(
                "WITH newest AS (SELECT line FROM labels WHERE line > ? AND retracts IS NULL "
                "AND list_contains(?::VARCHAR[], source) ORDER BY line DESC LIMIT ?) "
                f"SELECT {columns}, l.stands, e.robot FROM labels l "
                "LEFT JOIN episodes e USING (episode_id) "
                "WHERE l.line IN (FROM newest) AND l.line > ? ORDER BY l.line DESC",
                (line, list(sources), most, line),
            )
            if len(rows) == most:
                break
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


def answer_sets(
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
    of_these, ids = one_of("episode_id", {frame.episode_id for frame in frames})
    rows: list[dict[str, Any]] = transaction.rows(
        "SELECT episode_id, "
        "CASE kind WHEN 'clip' THEN NULL ELSE step_count - 1 END AS frame_index, answers_id "
        f"FROM episodes WHERE {of_these} AND answers_id IS NOT NULL "
        "UNION ALL SELECT episode_id, frame_index, answers_id FROM frame_answers "
        f"WHERE {of_these}",
        [*ids, *ids],
    )
    asked = set(frames)
    number_of = {
        frame: row["answers_id"]
        for row in rows
        if (frame := Frame(row["episode_id"], row["frame_index"])) in asked
    }
    sets = answer_sets(transaction, "SELECT unnest(?::INTEGER[])", (list(set(number_of.values())),))
    return {frame: sets[number_of[frame]] for frame in frames if frame in number_of}
