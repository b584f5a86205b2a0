from __future__ import annotations

from data.catalog.answers import refresh_all_answers
from data.catalog.questions import Frame, conflicts, known_about
from data.episodes.index import save_episodes
from data.labels.labels import append_labels, undo_label
from data.tasks.changes import define_task
from data.tasks.feasibility import Conclusion
from data.tasks.store import load_tasks
from data.tasks.tasks import Task


def test_an_answer_is_known_with_what_follows_and_gone_when_taken_back(
    catalog, make_episode, make_label
) -> None:
    episode = make_episode("robot", steps=3)
    save_episodes(catalog, [episode])
    label = make_label(episode, task="lift-carrot", frame_index=2)
    append_labels(catalog, [label])
    frame = Frame(episode.info.episode_id, 2)

    known = known_about(catalog, [frame])[frame]
    assert known.stated == {"lift-carrot": "success"}
    assert known.conclusions["lift-any"] == Conclusion("success", "lift-carrot")
    assert known.conclusions["lift-can"] == Conclusion("failure", "lift-carrot")
    assert "place-any" not in known.conclusions

    undo_label(catalog, label.label_id, by="bo", at_ns=0)
    assert known_about(catalog, [frame]) == {}


def test_a_frame_of_a_clip_takes_over_what_was_said_of_the_clip(
    catalog, make_episode, make_label
) -> None:
    clip = make_episode()
    save_episodes(catalog, [clip])
    append_labels(
        catalog,
        [
            make_label(clip, task="lift-carrot", frame_index=None),
            make_label(clip, "failure", task="place-any", frame_index=None),
            make_label(clip, "failure", task="lift-carrot", frame_index=1),
        ],
    )
    frame = Frame(clip.info.episode_id, 1)
    assert known_about(catalog, [frame])[frame].stated == {
        "lift-carrot": "failure",
        "place-any": "failure",
    }


def test_a_clip_and_its_frame_may_contradict_each_other(catalog, make_episode, make_label) -> None:
    clip = make_episode()
    save_episodes(catalog, [clip])
    append_labels(
        catalog,
        [
            make_label(clip, task="lift-carrot", frame_index=None),
            make_label(clip, "failure", task="lift-any", frame_index=1),
        ],
    )
    [(frame, known)] = conflicts(catalog, most=5).items()
    assert frame == Frame(clip.info.episode_id, 1)
    assert known.conflict is not None and "lift-any" in known.conflict


def test_a_new_relation_holds_for_what_was_said_before(catalog, make_episode, make_label) -> None:
    episode = make_episode("robot", steps=1)
    save_episodes(catalog, [episode])
    append_labels(catalog, [make_label(episode, task="place-any")])
    frame = Frame(episode.info.episode_id, 0)
    assert set(known_about(catalog, [frame])[frame].conclusions) == {"place-any"}

    define_task(catalog, Task(name="tidy", skill="place"))
    place = load_tasks(catalog.workspace)["place-any"]
    define_task(catalog, Task(name=place.name, skill="place", implies=("tidy",)))
    conclusions = known_about(catalog, [frame])[frame].conclusions
    assert conclusions["tidy"] == Conclusion("success", "place-any")


def test_labels_that_come_before_their_episode_count_once_it_is_there(
    catalog, make_episode, make_label
) -> None:
    from data.labels import log as label_log

    episode = make_episode("robot", steps=1)
    label_log.append(catalog.workspace.labels_path, [make_label(episode)])
    frame = Frame(episode.info.episode_id, 0)
    assert known_about(catalog, [frame]) == {}
    save_episodes(catalog, [episode])
    assert known_about(catalog, [frame])[frame].stated == {"lift-any": "success"}


def test_what_is_worked_out_in_parts_is_the_same(
    catalog, make_episode, make_label, monkeypatch
) -> None:
    episodes = [make_episode("robot", steps=1) for _ in range(9)]
    save_episodes(catalog, episodes)
    append_labels(
        catalog,
        [make_label(each, outcome) for each in episodes for outcome in ("success", "failure")],
    )
    frames = [Frame(each.info.episode_id, 0) for each in episodes]
    before = known_about(catalog, frames)
    assert {known.stated["lift-any"] for known in before.values()} == {"failure"}
    monkeypatch.setattr("data.catalog.answers._LABELS_AT_A_TIME", 4)
    with catalog.transaction() as transaction:
        transaction.execute("UPDATE episodes SET answers_id = NULL")
        transaction.execute("UPDATE labels SET stands = NOT stands")
        shares = list(refresh_all_answers(transaction, catalog.workspace))
    assert len(shares) == 5
    assert known_about(catalog, frames) == before
