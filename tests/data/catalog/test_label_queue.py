from __future__ import annotations

from hashlib import md5

import pytest

from data.catalog.label_queue import (
    Drawn,
    QueueFilter,
    Ranking,
    draw_of_each_robot,
    drawn_by_chance,
    episodes_with_truth,
    queue,
)
from data.catalog.questions import conflicts
from data.episodes.index import save_episodes
from data.labels.labels import append_labels

ANY = QueueFilter(tasks=("lift-any",))


@pytest.fixture
def acted(catalog, make_episode):
    """Saves robot episodes e1, e2, ... of five steps, each with what is said of it."""

    def act(*described: dict) -> list:
        episodes = [
            make_episode(
                "robot", steps=5, episode_id=f"e{number}", at_ns=number, **{"robot": "r", **known}
            )
            for number, known in enumerate(described, 1)
        ]
        for robot in {episode.info.robot for episode in episodes}:
            save_episodes(catalog, [each for each in episodes if each.info.robot == robot])
        return episodes

    return act


def asked(catalog, wanted: QueueFilter, **more) -> list[tuple[str, str]]:
    found = queue(catalog, wanted, most=100, **more)
    assert sum(len(each.tasks) for each in found.first) == found.waiting
    return [(each.episode.info.episode_id, task) for each in found.first for task in each.tasks]


def test_the_terminal_frame_of_robot_episodes_is_asked_about_newest_first(
    catalog, acted, make_episode
) -> None:
    acted({}, {})
    save_episodes(catalog, [make_episode()])
    assert asked(catalog, ANY) == [("e2", "lift-any"), ("e1", "lift-any")]
    [first] = queue(catalog, ANY, most=1).first
    assert (first.episode.info.episode_id, first.frame_index) == ("e2", 4)


def test_answers_and_what_follows_from_them_are_not_asked_again(catalog, acted, make_label) -> None:
    one, two, three, four = acted({}, {}, {}, {})
    append_labels(
        catalog,
        [
            make_label(one, "failure", frame_index=4),
            make_label(two, "unsure", frame_index=4),
            # So lift-any has succeeded too.
            make_label(three, task="lift-carrot", frame_index=4),
            # Says nothing about lift-any.
            make_label(four, "failure", task="lift-carrot", frame_index=4),
        ],
    )
    found = queue(catalog, ANY, most=10)
    assert [each.episode.info.episode_id for each in found.first] == ["e4"]
    assert (found.waiting, found.answered, found.derived) == (1, 2, 1)


def test_a_label_of_another_frame_answers_nothing(catalog, acted, make_label) -> None:
    [episode] = acted({})
    append_labels(catalog, [make_label(episode, frame_index=0)])
    assert asked(catalog, ANY) == [("e1", "lift-any")]


def test_filters_and_order(catalog, acted) -> None:
    acted({"robot": "robot-2"}, {"behaviour": "scripted-pick"}, {"task": "lift-carrot"})
    both = ("lift-any", "lift-carrot")
    in_order = [("e1", "lift-any"), ("e2", "lift-any"), ("e3", "lift-carrot")]
    assert asked(catalog, QueueFilter(tasks=both, order="oldest first")) == in_order
    only = QueueFilter(tasks=both, robots=frozenset({"robot-2"}))
    assert asked(catalog, only) == [("e1", "lift-any")]
    only = QueueFilter(tasks=both, behaviours=frozenset({"scripted-pick"}))
    assert asked(catalog, only) == [("e2", "lift-any")]
    assert len(asked(catalog, QueueFilter(tasks=both, only_own_task=False))) == 6
    drawn = QueueFilter(tasks=both, order="random share")
    assert sorted(asked(catalog, drawn)) == in_order
    assert asked(catalog, drawn) == asked(catalog, drawn)


def test_what_was_skipped_comes_last(catalog, acted) -> None:
    acted({}, {})
    skipped = ["e2"]
    assert asked(catalog, ANY, skipped=skipped) == [("e1", "lift-any"), ("e2", "lift-any")]
    [first] = queue(catalog, ANY, most=1, skipped=skipped).first
    assert first.episode.info.episode_id == "e1"


def test_episodes_of_a_shard_that_cannot_be_read_wait(catalog, acted) -> None:
    acted({"robot": "robot-1"}, {"robot": "robot-2"})
    [one, two] = queue(catalog, ANY, most=2).first
    assert asked(catalog, ANY, unreadable_shards=[one.episode.shard]) == [
        (two.episode.info.episode_id, "lift-any")
    ]


def test_answers_that_cannot_both_be_true_are_found(catalog, acted, make_label) -> None:
    [episode] = acted({})
    append_labels(
        catalog,
        [
            make_label(episode, task="lift-carrot", frame_index=4),
            make_label(episode, "failure", frame_index=4),
        ],
    )
    [known] = conflicts(catalog, most=5).values()
    assert known.conflict is not None and "lift-any" in known.conflict
    # Asked on, rather than hidden, so that the person can go on with the other tasks.
    wanted = QueueFilter(tasks=("lift-any", "place-any"), only_own_task=False)
    assert asked(catalog, wanted) == [("e1", "place-any")]


def test_the_simulator_may_answer_only_what_it_knows_and_nobody_has_said(
    catalog, acted, make_label
) -> None:
    truth = {"lift-any": True, "lift-carrot": False}
    episodes = acted(
        {"truth": truth},
        {},  # a real robot
        {"truth": truth},  # answered for another task
        {"truth": {"lift-carrot": False}},  # knows nothing of the task asked about
        {"truth": truth, "robot": "robot-2"},  # not in the selection
    )
    append_labels(catalog, [make_label(episodes[2], "unsure", task="lift-can", frame_index=4)])
    wanted = QueueFilter(tasks=("lift-any",), robots=frozenset({"r"}))
    assert queue(catalog, wanted, most=5).known_to_simulator == 1
    [known] = episodes_with_truth(catalog, wanted, most=5)
    assert known.info.episode_id == "e1"


def test_only_ranked_questions_are_asked_lowest_first(catalog, acted, make_label) -> None:
    one, *_ = acted({}, {}, {}, {})
    append_labels(catalog, [make_label(one, frame_index=4)])
    wanted = QueueFilter(tasks=("lift-any", "lift-carrot"), only_own_task=False)
    ranking = Ranking(
        ["e1", "e2", "e2", "e4", "gone"],
        ["lift-any", "lift-carrot", "lift-any", "lift-any", "lift-any"],
        [0.0, 3.0, 2.0, 1.0, 0.5],
    )
    found = queue(catalog, wanted, most=9, ranking=ranking)
    # e1 is answered; of e4 only lift-any is ranked; e2 goes by its lowest rank.
    assert [(each.episode.info.episode_id, each.tasks) for each in found.first] == [
        ("e4", ("lift-any",)),
        ("e2", ("lift-any", "lift-carrot")),
    ]
    assert (found.waiting, found.answered) == (3, 1)
    none = queue(catalog, wanted, most=9, ranking=Ranking([], [], []))
    assert (none.first, none.waiting) == ((), 0)


def test_what_is_known_comes_with_the_question(catalog, acted, make_label) -> None:
    [episode] = acted({})
    append_labels(catalog, [make_label(episode, "failure", task="lift-carrot", frame_index=4)])
    wanted = QueueFilter(tasks=("lift-any", "lift-carrot", "place-any"), only_own_task=False)
    [question] = queue(catalog, wanted, most=9).first
    assert question.tasks == ("lift-any", "place-any")
    assert question.known.stated == {"lift-carrot": "failure"}


def test_episodes_without_a_task_are_asked_about_every_task(catalog, acted) -> None:
    acted({"task": None})
    wanted = QueueFilter(tasks=("lift-any", "place-any"), only_own_task=False)
    assert asked(catalog, wanted) == [("e1", "lift-any"), ("e1", "place-any")]


def test_never_labelled_leaves_out_what_anything_was_said_of(catalog, acted, make_label) -> None:
    one, _ = acted({}, {})
    append_labels(catalog, [make_label(one, "failure", task="place-any", frame_index=4)])
    assert asked(catalog, QueueFilter(tasks=("lift-any",), order="never labelled")) == [
        ("e2", "lift-any")
    ]


def test_rates_come_from_what_chance_drew_up_to_the_first_gap(catalog, acted, make_label) -> None:
    acted(*[{} for _ in range(6)])
    wanted = QueueFilter(tasks=("lift-any",), order="random share")
    in_order = [each.episode for each in queue(catalog, wanted, most=6).first]
    assert drawn_by_chance(catalog, wanted) == [
        Drawn(task="lift-any", successes=0, failures=0, unsure=0, of=6)
    ]

    def say(number: int, outcome: str, task: str = "lift-any"):
        return make_label(in_order[number], outcome, task=task, frame_index=4)

    append_labels(
        catalog,
        [
            say(0, "success", "lift-carrot"),  # so lift-any succeeded too
            say(1, "failure"),
            say(2, "unsure"),
            # 3 is the gap; whoever looked for successes may have found the next one.
            say(4, "success"),
        ],
    )
    assert drawn_by_chance(catalog, wanted) == [
        Drawn(task="lift-any", successes=1, failures=1, unsure=1, of=6)
    ]
    append_labels(catalog, [say(3, "failure")])
    assert drawn_by_chance(catalog, wanted) == [
        Drawn(task="lift-any", successes=2, failures=2, unsure=1, of=6)
    ]


def test_of_each_robot_as_many_are_drawn_and_always_the_same(catalog, acted) -> None:
    acted(
        *({"robot": robot, "behaviour": "policy:p"} for robot in "ba" for _ in range(5)),
        {"robot": "a", "behaviour": "policy:q"},
        {"robot": "a", "behaviour": "policy:p", "task": "lift-can"},
    )

    def drawn(most: int) -> list[str]:
        found = draw_of_each_robot(catalog, behaviour="policy:p", tasks=["lift-any"], most=most)
        return [each.info.episode_id for each in found]

    of_b, of_a = (
        sorted((f"e{n}" for n in numbers), key=lambda name: md5(name.encode()).hexdigest())
        for numbers in (range(1, 6), range(6, 11))
    )
    assert drawn(2) == of_a[:2] + of_b[:2]
    assert drawn(9) == of_a + of_b
