"""What is known of every frame that somebody spoke about, kept in the index as labels come in.

Most frames share one of a few hundred sets of answers. The index holds each set once, with all that
follows from it by the relations of the tasks (`feasibility.close_outcomes`, as in training), and an
episode points at its set. So counting outcomes counts numbers, and a changed relation costs a few
hundred closures however many episodes there are.

An episode's own set speaks of the whole clip, or of the terminal frame of a robot's episode. Other
frames that somebody spoke about have theirs in `frame_answers`; within a clip they take over what
was said of the whole clip, unless they say otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence

from data.catalog.transaction import Transaction, one_of
from data.errors import CorruptData, LabelConflict
from data.tasks.feasibility import Conclusion, close_outcomes
from data.tasks.store import load_tasks
from data.tasks.tasks import Outcome, TaskSet
from data.workspace import Workspace

_LABELS_AT_A_TIME = 200_000
_JUDGED_FRAME = "CASE kind WHEN 'clip' THEN NULL ELSE step_count - 1 END"


def refresh_answers(
    transaction: Transaction, workspace: Workspace, episode_ids: Collection[str] | None = None
) -> None:
    """Work out anew which labels stand and what is known, of some episodes or (None) of all.

    Of several labels about one frame and task the one appended last stands, whatever clocks said;
    only what an import brought never stands over what was said here, and of imports the newest.
    Labels of an episode that is not here do not stand; they do again once it is back.
    """
    if episode_ids is None:
        for _ in refresh_all_answers(transaction, workspace):
            pass
    elif episode_ids:
        _refresh(transaction, workspace, *one_of("episode_id", episode_ids))


def refresh_all_answers(transaction: Transaction, workspace: Workspace) -> Iterator[float]:
    """Work out anew what is known of all episodes, a part of them at a time to save memory.

    Yields:
        After each part, the share that is done; there a transaction may end and the next begin.
    """
    parts = 1 + transaction.value("SELECT count(*) FROM labels") // _LABELS_AT_A_TIME
    for part in range(parts):
        _refresh(transaction, workspace, f"hash(episode_id) % {parts} = {part}", [])
        yield (part + 1) / parts


def _refresh(
    transaction: Transaction, workspace: Workspace, scope: str, ids: Sequence[object]
) -> None:
    """Refresh the episodes in `scope`, a condition on `episode_id` with the parameters `ids`."""
    transaction.execute(
        "CREATE OR REPLACE TEMP TABLE standing AS SELECT coalesce("
        "max(line) FILTER (source <> 'import'), "
        "arg_max(line, (at_ns::HUGEINT << 40) + line)) AS line FROM labels "
        f"WHERE {scope} AND retracts IS NULL "
        "AND label_id NOT IN (SELECT retracts FROM labels WHERE retracts IS NOT NULL) "
        f"AND episode_id IN (SELECT episode_id FROM episodes WHERE {scope}) "
        "GROUP BY episode_id, frame_index, task",
        [*ids, *ids],
    )
    transaction.execute(
        "UPDATE labels SET stands = NOT stands "
        f"WHERE {scope} AND stands <> (line IN (FROM standing))",
        ids,
    )
    transaction.execute(
        "CREATE OR REPLACE TEMP TABLE said AS SELECT episode_id, frame_index, "
        "string_agg(task || ' ' || outcome, ';' ORDER BY task) AS stated "
        f"FROM labels WHERE {scope} AND stands GROUP BY ALL",
        ids,
    )
    _refresh_other_frames(transaction, workspace, scope, ids)
    _enter_sets(transaction, workspace, "SELECT DISTINCT stated FROM said")
    transaction.execute(
        "UPDATE episodes SET answers_id = found.answers_id FROM ("
        "SELECT e.episode_id, answers.answers_id FROM episodes e "
        f"LEFT JOIN said ON said.episode_id = e.episode_id "
        f"AND said.frame_index IS NOT DISTINCT FROM {_JUDGED_FRAME} "
        "LEFT JOIN answers ON answers.stated = said.stated "
        f"WHERE {scope.replace('episode_id', 'e.episode_id')}"
        ") found WHERE episodes.episode_id = found.episode_id "
        "AND episodes.answers_id IS DISTINCT FROM found.answers_id",
        ids,
    )


def take_over_names(transaction: Transaction, workspace: Workspace) -> None:
    """Call episodes and labels by what their tasks are called now, if the tasks have changed.

    Comes before labels are taken in, whose tasks go by the new names already. Whoever renames a
    task only writes it down, so that no crash leaves the index with the old name.
    """
    if transaction.value("SELECT tasks_digest FROM catalog_state") == tasks_digest(workspace):
        return
    for task in readable_tasks(workspace):
        for table in ("episodes", "labels") if task.formerly else ():
            transaction.execute(
                f"UPDATE {table} SET task = ? WHERE list_contains(?::VARCHAR[], task)",
                (task.name, list(task.formerly)),
            )


def refresh_conclusions(transaction: Transaction, workspace: Workspace) -> None:
    """Close every set of answers anew if the tasks, their names or relations have changed."""
    digest = tasks_digest(workspace)
    if transaction.value("SELECT tasks_digest FROM catalog_state") == digest:
        return
    take_over_names(transaction, workspace)
    tasks = readable_tasks(workspace)
    known = transaction.rows("SELECT answers_id, stated FROM answers ORDER BY answers_id")
    sets = [(row["answers_id"], _renamed(row["stated"], tasks)) for row in known]
    transaction.execute("DELETE FROM answers")
    transaction.execute("DELETE FROM conclusions")
    _insert_sets(transaction, tasks, sets)
    transaction.execute("UPDATE catalog_state SET tasks_digest = ?", (digest,))


def parse_stated(stated: str) -> dict[str, str]:
    """The outcome that was stated of each task, `unsure` included."""
    return dict(part.split(" ") for part in stated.split(";"))


def _refresh_other_frames(
    transaction: Transaction, workspace: Workspace, scope: str, ids: Sequence[object]
) -> None:
    """Enter what is known of frames that their episodes are not judged by; there are few."""
    transaction.execute(f"DELETE FROM frame_answers WHERE {scope}", ids)
    others = transaction.rows(
        "SELECT said.episode_id, said.frame_index, said.stated, clip.stated AS of_clip "
        "FROM said JOIN episodes e ON e.episode_id = said.episode_id "
        "LEFT JOIN said clip ON clip.episode_id = said.episode_id AND clip.frame_index IS NULL "
        f"WHERE said.frame_index IS DISTINCT FROM {_JUDGED_FRAME} "
        "AND said.frame_index IS NOT NULL ORDER BY said.episode_id, said.frame_index"
    )
    if not others:
        return
    merged = [
        _in_words(parse_stated(row["of_clip"] or row["stated"]) | parse_stated(row["stated"]))
        for row in others
    ]
    columns = {
        "episode_id": [row["episode_id"] for row in others],
        "frame_index": [row["frame_index"] for row in others],
        "stated": merged,
    }
    with transaction.table("other_frames", columns):
        _enter_sets(transaction, workspace, "SELECT DISTINCT stated FROM other_frames")
        transaction.execute(
            "INSERT INTO frame_answers SELECT episode_id, frame_index, answers_id "
            "FROM other_frames JOIN answers USING (stated)"
        )


def _renamed(stated: str, tasks: TaskSet) -> str:
    answers = parse_stated(stated)
    return _in_words({tasks.current_name(task): outcome for task, outcome in answers.items()})


def _in_words(answers: dict[str, str]) -> str:
    return ";".join(f"{task} {outcome}" for task, outcome in sorted(answers.items()))


def _enter_sets(transaction: Transaction, workspace: Workspace, wanted: str) -> None:
    new = transaction.rows(
        f"SELECT stated FROM ({wanted}) ANTI JOIN answers USING (stated) ORDER BY stated"
    )
    if new:
        first = transaction.value("SELECT coalesce(max(answers_id), 0) + 1 FROM answers")
        numbered = [(number, row["stated"]) for number, row in enumerate(new, first)]
        _insert_sets(transaction, readable_tasks(workspace), numbered)


def _insert_sets(transaction: Transaction, tasks: TaskSet, sets: Iterable[tuple[int, str]]) -> None:
    answers: list[tuple[int, str, str | None]] = []
    conclusions: list[tuple[int, str, str, str | None]] = []
    for number, stated in sets:
        closed, conflict = close_stated(stated, tasks)
        answers.append((number, stated, conflict))
        conclusions += [
            (number, task, each.outcome, each.derived_from) for task, each in closed.items()
        ]
    transaction.insert("answers", ("answers_id", "stated", "conflict"), answers)
    transaction.insert(
        "conclusions", ("answers_id", "task", "outcome", "derived_from"), conclusions
    )


def close_stated(stated: str, tasks: TaskSet) -> tuple[dict[str, Conclusion], str | None]:
    """What follows from a set of answers, or nothing and why they cannot all be true."""
    certain: dict[str, Outcome] = {
        task: "success" if outcome == "success" else "failure"
        for task, outcome in parse_stated(stated).items()
        if outcome != "unsure" and task in tasks
    }
    try:
        return close_outcomes(certain, tasks), None
    except LabelConflict as conflict:
        return {}, conflict.what


def readable_tasks(workspace: Workspace) -> TaskSet:
    """The workspace's tasks; none where their file is damaged, so that the rest goes on."""
    try:
        return load_tasks(workspace)
    except CorruptData:  # told by whoever asks for the tasks; once it is mended, all is closed anew
        return TaskSet(())


def tasks_digest(workspace: Workspace) -> str:
    """Identifies the tasks and relations that conclusions were drawn from."""
    try:
        return hashlib.sha256(workspace.tasks_path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return "seed"
