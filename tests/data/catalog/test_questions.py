from __future__ import annotations

import pytest

from data.catalog import questions
from data.catalog.questions import newest_clips, recent_answers
from data.episodes.index import save_episodes
from data.labels.labels import append_labels


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


def test_recent_answers_say_whether_they_stand_and_on_which_robot(
    catalog, acted, make_label
) -> None:
    [episode] = acted({"robot": "robot-2"})
    first, second = (
        make_label(episode, outcome, frame_index=4) for outcome in ("success", "failure")
    )
    append_labels(catalog, [first, second, make_label(episode, source="simulator")])
    newest, oldest = recent_answers(catalog, sources=["person"], most=5)
    assert (newest.label, newest.stands, newest.robot) == (second, True, "robot-2")
    assert (oldest.label, oldest.stands) == (first, False)


def test_recent_answers_are_found_however_long_ago_they_were_given(
    catalog, acted, make_label, monkeypatch
) -> None:
    [episode] = acted({})
    given = [make_label(episode, frame_index=4) for _ in range(3)]
    append_labels(catalog, [*given, make_label(episode, source="simulator")])
    monkeypatch.setattr(questions, "_NEWEST_LINES", 2)
    for most, expected in ((1, given[2:]), (2, given[1:]), (5, given)):
        answers = recent_answers(catalog, sources=["person"], most=most)
        assert [each.label for each in answers] == expected[::-1]


def test_the_newest_clips_of_every_task(catalog, make_episode, make_label) -> None:
    clips = [make_episode(task=task) for task in ("lift-any", "lift-any", "place-any")]
    save_episodes(catalog, clips)
    append_labels(
        catalog, [make_label(clip, task=clip.info.task, frame_index=None) for clip in clips]
    )
    found = newest_clips(catalog, of_each_task=1)
    assert [each.info for each in found] == [clips[2].info, clips[1].info]
    assert newest_clips(catalog, of_each_task=1, robot="robot-2") == []
