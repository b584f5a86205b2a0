"""Labels from the simulator say where they come from, and are written once."""

from __future__ import annotations

from collections.abc import Callable

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode
from data.episodes.index import list_episodes, save_episodes
from data.labels.labels import standing_labels
from data.labels.truth import label_from_truth
from data.tasks.tasks import SEED_TASKS


def test_terminal_frames_get_the_true_outcomes_of_the_tasks_asked_for(
    catalog: Catalog, make_episode: Callable[..., Episode]
) -> None:
    known = make_episode(
        "robot",
        steps=4,
        truth={"lift-any": True, "lift-carrot": False, "place-any": False, "wipe": True},
    )
    real = make_episode("robot", steps=3)
    save_episodes(catalog, [known, real])
    tasks = SEED_TASKS.only(["lift-any", "lift-carrot"])

    episodes = list_episodes(catalog)
    assert label_from_truth(catalog, episodes, tasks, at_ns=7) == 2
    assert label_from_truth(catalog, episodes, tasks, at_ns=8) == 2, "saying it twice is fine"

    labels = standing_labels(catalog)
    assert {(each.task, each.outcome) for each in labels} == {
        ("lift-any", "success"), ("lift-carrot", "failure"),
    }  # fmt: skip
    for label in labels:
        assert label.episode_id == known.info.episode_id
        assert (label.frame_index, label.source, label.by, label.at_ns) == (
            3, "simulator", "simulator", 7,
        )  # fmt: skip
