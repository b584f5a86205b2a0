"""Review by keyboard, in a real browser against a real server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import list_episodes, save_episodes
from data.labels.labels import Label, append_labels, standing_labels
from data.tasks.store import load_tasks
from data.workspace import Workspace
from sd_model.artefact import DetectorSummary, save_summary
from sd_model.config import load_recipe
from sd_model.judging.scores import as_table, save_scores
from sd_model.judging.thresholds import Threshold

pytestmark = pytest.mark.browser
NOW_NS = 1_790_000_000_000_000_000
EPISODES = 5


def _fill(workspace: Workspace) -> None:
    """Failures of lift-any that the detector took for success, the surest first by number."""
    catalog = Catalog(workspace)
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, encode_jpeg(np.full((64, 80, 3), 128, dtype=np.uint8))),
        timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS),
    )
    infos = [
        EpisodeInfo(
            episode_id=f"episode-{number}",
            robot="robot-1",
            kind="robot",
            behaviour="scripted-pick",
            task="lift-any",
            recorded_at_ns=NOW_NS + number,
            step_count=2,
        )
        for number in range(EPISODES)
    ]
    save_episodes(catalog, [Episode(info=info, steps=(Step(frames=frames),) * 2) for info in infos])
    labels = [
        Label(
            label_id=f"label-{info.episode_id}",
            episode_id=info.episode_id,
            frame_index=1,
            task="lift-any",
            outcome="failure",
            by="ana",
            source="person",
            at_ns=NOW_NS,
        )
        for info in infos
    ]
    append_labels(catalog, labels)
    folder = workspace.detectors / "first"
    folder.mkdir()
    threshold = Threshold(
        value=0.5, way="balanced", failures=3, false_positives=0, bound=0.5, needed=45
    )
    save_summary(
        DetectorSummary(
            detector_id="first",
            folder=folder,
            tasks=load_tasks(workspace).only(["lift-any"]),
            holdout=("robot-1",),
            created_at_ns=NOW_NS,
            config=load_recipe("smoke", {}),
            thresholds={"lift-any": threshold},
            seed=0,
            manifest_digest="",
        )
    )
    shard = list_episodes(catalog)[0].shard
    rows = [
        {
            "episode_id": label.episode_id,
            "frame_index": 1,
            "shard": shard,
            "robot": "robot-1",
            "kind": "robot",
            "split": "holdout",
            "recorded_at_ns": NOW_NS,
            "shown_task": "lift-any",
            "task": "lift-any",
            "outcome": "failure",
            "origin": "labelled",
            "from_task": "lift-any",
            "label_id": label.label_id,
            "source": "person",
            "score": 0.95 - 0.05 * number,
            "decision": True,
        }
        for number, label in enumerate(labels)
    ]
    save_scores(folder, as_table(pd.DataFrame(rows)))


def _given(workspace: Workspace, expected: dict[str, str], *, wait_s: float = 60.0) -> None:
    """Wait until review has said this, by the episode's number."""
    deadline_s = time.monotonic() + wait_s
    while True:
        found = {
            label.episode_id.removeprefix("episode-"): label.outcome
            for label in standing_labels(Catalog(workspace))
            if label.source == "review"
        }
        if found == expected or time.monotonic() > deadline_s:
            break
        time.sleep(0.2)
    assert found == expected


def test_mistakes_are_judged_by_key_and_taken_back(
    workspace: Workspace,
    serve: Callable[..., Any],
    page: Page,
    tab_to: Callable[[Locator], None],
) -> None:
    """Without a mouse."""
    _fill(workspace)
    page.goto(serve().url)
    tab_to(page.get_by_test_id("stSidebar").get_by_role("link", name="Review", exact=True))
    page.keyboard.press("Enter")
    gallery = page.locator('[data-testid="goalpost-gallery"]')
    expect(gallery.get_by_role("article")).to_have_count(EPISODES, timeout=60_000)
    page.keyboard.press("f")  # the detector was right
    page.keyboard.press("y")  # the label is
    page.keyboard.press("u")
    page.keyboard.press("x")
    _given(workspace, {"0": "success", "1": "failure", "2": "unsure", "3": "unsure"})
    page.keyboard.press("z")
    page.keyboard.press("z")
    _given(workspace, {"0": "success", "1": "failure"})

    # The recording of the card in hand is shown large and played; Escape closes it.
    page.keyboard.press("o")
    large = gallery.get_by_role("region", name="Large view")
    expect(large.get_by_text("of 2,")).to_be_visible(timeout=60_000)
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    assert len(standing_labels(Catalog(workspace))) == EPISODES
