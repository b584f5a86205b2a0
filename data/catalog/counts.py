"""How much there is: episodes, labels and outcomes, counted by the index.

Every function is one question of a page or a run, answered in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from data.catalog.catalog import Catalog
from data.episodes.episodes import EpisodeKind
from data.tasks.tasks import Outcome

NAMED_CONFLICTS = 20
"""So many episodes are named whose labels contradict each other; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class EpisodeCount:
    """Episodes that are alike in all this."""

    kind: EpisodeKind
    robot: str
    behaviour: str
    task: str | None
    outcome: Outcome | None
    """What a clip shows, by its label, or by what it was recorded to show."""
    answered: bool
    """Somebody says what the whole clip shows (a clip in use), or said something of the terminal
    frame."""
    count: int
    frames: int
    """Of all of them together."""


@dataclass(frozen=True)
class Census:
    """Every episode of a workspace, counted."""

    rows: tuple[EpisodeCount, ...]

    @property
    def robot_episodes(self) -> int:
        """Episodes in which a robot acted."""
        return sum(row.count for row in self.rows if row.kind == "robot")

    @cached_property
    def clips(self) -> Counter[tuple[str, str, Outcome]]:
        """Clips in use by robot, task and outcome; one that was recorded again is not in use."""
        found: Counter[tuple[str, str, Outcome]] = Counter()
        for row in self.rows:
            if row.kind == "clip" and row.answered and row.task and row.outcome:
                found[row.robot, row.task, row.outcome] += row.count
        return found

    @cached_property
    def clip_frames(self) -> Counter[str]:
        """Frames of the clips in use by task."""
        found: Counter[str] = Counter()
        for row in self.rows:
            if row.kind == "clip" and row.answered and row.task:
                found[row.task] += row.frames
        return found

    def of_robot(self, robot: str, kind: EpisodeKind) -> int:
        """Robot episodes, or clips in use, of one robot."""
        if kind == "clip":
            return sum(count for (name, _, _), count in self.clips.items() if name == robot)
        return sum(row.count for row in self.rows if (row.robot, row.kind) == (robot, kind))


@dataclass(frozen=True, kw_only=True)
class LabelFigures:
    """The labels that stand, counted."""

    standing: int
    """Answers of "unsure" included."""
    reviewed: int
    """Given in review."""
    since: int
    """Given after the time that was asked about."""
    labelled_episodes: int
    """Robot episodes with an outcome said of their terminal frame."""


@dataclass(kw_only=True)
class Tally:
    """How many clips and terminal frames show each outcome of one task."""

    success: int = 0
    """Labelled as success."""
    failure: int = 0
    """Labelled as failure."""
    derived_success: int = 0
    """Success follows from a label of another task."""
    derived_failure: int = 0
    """Failure follows from a label of another task."""

    @property
    def successes(self) -> int:
        """Labelled and derived."""
        return self.success + self.derived_success

    @property
    def failures(self) -> int:
        """Labelled and derived."""
        return self.failure + self.derived_failure

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            success=self.success + other.success,
            failure=self.failure + other.failure,
            derived_success=self.derived_success + other.derived_success,
            derived_failure=self.derived_failure + other.derived_failure,
        )


@dataclass(frozen=True, kw_only=True)
class OutcomeCounts:
    """The outcomes that are known in a workspace, counted by task and robot."""

    tallies: Mapping[str, Mapping[str, Tally]]
    """By task, then by robot; a clip counts once, however many frames it has."""
    conflicts: tuple[str, ...] = ()
    """The first episodes whose labels cannot all be true; those are left out of the tallies."""
    conflict_count: int = 0
    """How many of them there are."""

    def of(self, task: str, robots: Collection[str] | None = None) -> Tally:
        """The tally of `task` over `robots` (None: all)."""
        rows = self.tallies.get(task, {})
        chosen = [tally for robot, tally in rows.items() if robots is None or robot in robots]
        return sum(chosen, Tally())

    @cached_property
    def robots(self) -> tuple[str, ...]:
        """Robots with at least one counted label, sorted."""
        return tuple(sorted({robot for rows in self.tallies.values() for robot in rows}))


def census(catalog: Catalog) -> Census:
    """Every episode, counted."""
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            "WITH alike AS (SELECT kind, robot, behaviour, task, outcome, answers_id, "
            "count(*) AS count, sum(step_count) AS frames FROM episodes GROUP BY ALL) "
            f"SELECT a.kind, a.robot, a.behaviour, a.task, {LABELLED_OUTCOME.format('a')} "
            f"AS outcome, {_ANSWERED} AS answered, sum(a.count)::BIGINT AS count, "
            f"sum(a.frames)::BIGINT AS frames FROM alike a {LABELLED.format('a')} "
            "GROUP BY ALL ORDER BY ALL"
        )
    return Census(tuple(EpisodeCount(**row) for row in rows))


def label_figures(catalog: Catalog, *, since_ns: int) -> LabelFigures:
    """The labels that stand, counted; `since_ns` asks for those given later [ns, Unix epoch]."""
    with catalog.transaction() as transaction:
        [row] = transaction.rows(
            "SELECT count(*) AS standing, count(*) FILTER (source = 'review') AS reviewed, "
            "count(*) FILTER (at_ns > ?) AS since FROM labels WHERE stands",
            (since_ns,),
        )
        labelled = transaction.value(
            "SELECT count(*) FROM episodes JOIN answers USING (answers_id) "
            "WHERE kind = 'robot' AND regexp_matches(stated, ' (success|failure)')"
        )
    return LabelFigures(**row, labelled_episodes=labelled)


def outcome_counts(catalog: Catalog) -> OutcomeCounts:
    """What people said and what follows from it, counted by task and robot.

    A clip counts once, or, where nobody spoke of it as a whole, each frame that somebody spoke of;
    a robot's episode counts by its terminal frame.
    """
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            f"WITH known AS ({_KNOWN}) "
            "SELECT c.task, k.robot, c.outcome, c.derived_from IS NOT NULL AS derived, "
            "sum(k.count)::BIGINT AS count FROM known k JOIN conclusions c USING (answers_id) "
            "GROUP BY ALL ORDER BY ALL"
        )
        conflicting = transaction.rows(
            f"SELECT DISTINCT episode_id FROM ({CONFLICTING}) ORDER BY episode_id LIMIT ?",
            (NAMED_CONFLICTS,),
        )
        conflict_count = transaction.value(
            f"SELECT count(DISTINCT episode_id) FROM ({CONFLICTING})"
        )
    tallies: dict[str, dict[str, Tally]] = {}
    for row in rows:
        tally = tallies.setdefault(row["task"], {}).setdefault(row["robot"], Tally())
        setattr(tally, f"derived_{row['outcome']}" if row["derived"] else row["outcome"],
                row["count"])  # fmt: skip
    return OutcomeCounts(
        tallies=tallies,
        conflicts=tuple(row["episode_id"] for row in conflicting),
        conflict_count=conflict_count,
    )


def pair_counts(catalog: Catalog) -> Counter[tuple[str, str]]:
    """Complete pairs of clips in use, one of success and one of failure, by (task, robot)."""
    with catalog.transaction() as transaction:
        rows = transaction.rows(
            "SELECT task, robot, count(*) AS count FROM ("
            f"SELECT task, robot FROM ({CLIPS_IN_USE}) "
            "WHERE pair_id IS NOT NULL AND task IS NOT NULL "
            "GROUP BY pair_id, task, robot HAVING count(DISTINCT outcome) = 2) GROUP BY ALL"
        )
    return Counter({(row["task"], row["robot"]): row["count"] for row in rows})


LABELLED = (
    "LEFT JOIN conclusions c ON c.answers_id = {0}.answers_id AND c.task = {0}.task "
    "AND c.derived_from IS NULL LEFT JOIN answers s ON s.answers_id = {0}.answers_id"
)
"""Joins what was said of an episode's own task, and all that was said of it."""
_SHOWS_IT = "(c.outcome IS NOT NULL OR s.conflict IS NOT NULL)"
"""Somebody says an outcome of its own task (`unsure` is none), or what was said must be mended."""
_ANSWERED = f"CASE a.kind WHEN 'clip' THEN {_SHOWS_IT} ELSE a.answers_id IS NOT NULL END"
LABELLED_OUTCOME = "CASE {0}.kind WHEN 'clip' THEN coalesce(c.outcome, {0}.outcome) END"
"""The outcome of a clip, whose label may correct what it was recorded to show."""
CLIPS_IN_USE = (
    f"SELECT e.* REPLACE ({LABELLED_OUTCOME.format('e')} AS outcome) FROM episodes e "
    f"{LABELLED.format('e')} WHERE e.kind = 'clip' AND {_SHOWS_IT}"
)
"""The clips of which somebody says as a whole what they show; one that was discarded, or excluded
in review, is none."""

_KNOWN = (
    "SELECT answers_id, robot, count(*) AS count FROM episodes "
    "WHERE answers_id IS NOT NULL GROUP BY ALL "
    "UNION ALL SELECT f.answers_id, e.robot, count(*) FROM frame_answers f "
    "JOIN episodes e USING (episode_id) "
    "WHERE e.answers_id IS NULL AND e.kind = 'clip' GROUP BY ALL"
)

CONFLICTING = (
    "SELECT episode_id, CASE kind WHEN 'clip' THEN NULL ELSE step_count - 1 END AS frame_index, "
    "answers_id FROM episodes "
    "WHERE answers_id IN (SELECT answers_id FROM answers WHERE conflict IS NOT NULL) "
    "UNION ALL SELECT episode_id, frame_index, answers_id FROM frame_answers "
    "WHERE answers_id IN (SELECT answers_id FROM answers WHERE conflict IS NOT NULL)"
)
"""The frames (None: a whole clip) whose answers cannot all be true."""
