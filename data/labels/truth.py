"""Labels that a simulator gives: the true outcomes, with that source written on them."""

from __future__ import annotations

from collections.abc import Sequence

from data.catalog.catalog import Catalog
from data.episodes.index import IndexedEpisode
from data.labels.labels import Label, append_labels
from data.tasks.tasks import TaskSet


def label_from_truth(
    catalog: Catalog, episodes: Sequence[IndexedEpisode], tasks: TaskSet, *, at_ns: int
) -> int:
    """Label the terminal frame of simulated `episodes` with the outcomes their cells knew.

    Episodes without a known truth (real robots) are passed over. Saying it twice changes nothing.

    Args:
        tasks: The tasks to label; outcomes of other tasks are not written.
        at_ns: Time of the labels [ns since the Unix epoch].

    Returns:
        The number of labels.
    """
    labels = [
        Label(
            label_id=f"truth-{episode.info.episode_id}-{task}",
            episode_id=episode.info.episode_id,
            frame_index=episode.info.step_count - 1,
            task=task,
            outcome="success" if succeeded else "failure",
            by="simulator",
            source="simulator",
            at_ns=at_ns,
        )
        for episode in episodes
        for task, succeeded in (episode.info.truth or {}).items()
        if task in tasks
    ]
    append_labels(catalog, labels)
    return len(labels)
