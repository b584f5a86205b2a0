from __future__ import annotations

from app.label_queue import (
    QueueFilter,
    build_queue,
    find_conflicts,
    known_to_simulator,
    stated_outcomes,
)
from data.episode_index import IndexedEpisode
from data.episodes import EpisodeInfo, EpisodeKind
from data.labels import Label, LabelOutcome
from data.tasks import SEED_TASKS


def _episode(
    number: int,
    *,
    task: str = "lift-any",
    robot: str = "robot-1",
    kind: EpisodeKind = "robot",
    behaviour: str = "scripted-pick",
    truth: dict[str, bool] | None = None,
) -> IndexedEpisode:
    info = EpisodeInfo(
        episode_id=f"e{number}",
        robot=robot,
        kind=kind,
        behaviour=behaviour,
        task=task,
        recorded_at_ns=number,
        step_count=5,
        truth=truth,
    )
    return IndexedEpisode(info=info, shard="s")


def _label(episode: str, task: str, outcome: LabelOutcome, *, frame: int | None = 4) -> Label:
    return Label(
        label_id=f"{episode}-{task}",
        episode_id=episode,
        frame_index=frame,
        task=task,
        outcome=outcome,
        by="ana",
        source="person",
        at_ns=1,
    )


def _asked(
    episodes: list[IndexedEpisode], wanted: QueueFilter, *labels: Label, **more: object
) -> list[tuple[str, str]]:
    skipped = frozenset(str(each) for each in more.get("skipped", ()))  # type: ignore[attr-defined]
    queue = build_queue(episodes, stated_outcomes(labels), SEED_TASKS, wanted, skipped=skipped)
    return [(each.item.episode_id, each.item.task) for each in queue.waiting]


def test_the_terminal_frame_of_robot_episodes_is_asked_about_newest_first() -> None:
    episodes = [_episode(1), _episode(2), _episode(3, kind="clip")]
    queue = build_queue(episodes, {}, SEED_TASKS, QueueFilter(tasks=("lift-any",)))
    assert [each.item.item_id for each in queue.waiting] == ["e2|4|lift-any", "e1|4|lift-any"]


def test_answers_and_what_follows_from_them_are_not_asked_again() -> None:
    episodes = [_episode(1), _episode(2), _episode(3), _episode(4)]
    labels = [
        _label("e1", "lift-any", "failure"),
        _label("e2", "lift-any", "unsure"),
        _label("e3", "lift-carrot", "success"),  # so lift-any has succeeded too
        _label("e4", "lift-carrot", "failure"),  # says nothing about lift-any
    ]
    wanted = QueueFilter(tasks=("lift-any",))
    queue = build_queue(episodes, stated_outcomes(labels), SEED_TASKS, wanted)
    assert [each.item.episode_id for each in queue.waiting] == ["e4"]
    assert (queue.answered, queue.derived) == (2, 1)


def test_a_label_of_another_frame_answers_nothing() -> None:
    wanted = QueueFilter(tasks=("lift-any",))
    label = _label("e1", "lift-any", "success", frame=0)
    assert _asked([_episode(1)], wanted, label) == [("e1", "lift-any")]


def test_filters_and_order() -> None:
    episodes = [
        _episode(1, robot="robot-2"),
        _episode(2, behaviour="noisy"),
        _episode(3, task="lift-carrot"),
    ]
    both = ("lift-any", "lift-carrot")
    assert _asked(episodes, QueueFilter(tasks=both, order="oldest first")) == [
        ("e1", "lift-any"), ("e2", "lift-any"), ("e3", "lift-carrot"),
    ]  # fmt: skip
    assert _asked(episodes, QueueFilter(tasks=both, robots=frozenset({"robot-2"}))) == [
        ("e1", "lift-any")
    ]
    assert _asked(episodes, QueueFilter(tasks=both, behaviours=frozenset({"noisy"}))) == [
        ("e2", "lift-any")
    ]
    everything = QueueFilter(tasks=both, only_own_task=False)
    assert len(_asked(episodes, everything)) == 6
    mixed = QueueFilter(tasks=both, order="mixed")
    assert sorted(_asked(episodes, mixed)) == sorted(_asked(episodes, QueueFilter(tasks=both)))
    assert _asked(episodes, mixed) == _asked(episodes, mixed)


def test_what_was_skipped_comes_last() -> None:
    wanted = QueueFilter(tasks=("lift-any",))
    asked = _asked([_episode(1), _episode(2)], wanted, skipped=["e2|4|lift-any"])
    assert asked == [("e1", "lift-any"), ("e2", "lift-any")]


def test_answers_that_cannot_both_be_true_are_found() -> None:
    stated = stated_outcomes(
        [_label("e1", "lift-carrot", "success"), _label("e1", "lift-any", "failure")]
    )
    [conflict] = find_conflicts(stated, SEED_TASKS, [("e1", 4), ("e2", 4)]).values()
    assert "lift-any" in conflict.what
    # Asked on, rather than hidden, so that the person can go on with the other tasks.
    wanted = QueueFilter(tasks=("lift-any", "place-any"), only_own_task=False)
    queue = build_queue([_episode(1)], stated, SEED_TASKS, wanted)
    assert [each.item.task for each in queue.waiting] == ["place-any"]


def test_the_simulator_may_answer_only_what_it_knows_and_nobody_has_said() -> None:
    truth = {"lift-any": True, "lift-carrot": False}
    episodes = [
        _episode(1, truth=truth),
        _episode(2),  # a real robot
        _episode(3, truth=truth),  # answered for another task
        _episode(4, truth={"lift-carrot": False}),  # knows nothing of the task asked about
        _episode(5, truth=truth, robot="robot-2"),  # not in the selection
    ]
    stated = stated_outcomes([_label("e3", "lift-can", "unsure")])
    wanted = QueueFilter(tasks=("lift-any",), robots=frozenset({"robot-1"}))
    queue = build_queue(episodes, stated, SEED_TASKS, wanted)
    assert [each.info.episode_id for each in known_to_simulator(queue, stated)] == ["e1"]
