"""The episodes a policy acted in: how they ended, and what happened along the way."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.worker import work
from data.catalog.catalog import Catalog
from data.cells.protocol import MAX_ROTATION_RAD, MAX_TRANSLATION_M
from data.episodes.episodes import Episode
from data.episodes.index import IndexedEpisode, list_episodes
from data.labels.labels import standing_labels
from data.tasks.tasks import Outcome
from data.workspace import Workspace
from policy.artefact import values_path

NEWEST = 200
"""So many of a policy's newest episodes are offered."""
VALUES_S = 120.0
"""How long working out the values of one episode may take [s]."""


@dataclass(frozen=True, kw_only=True)
class Acted:
    """One episode and how it ended at the task it was commanded."""

    episode: IndexedEpisode
    outcome: Outcome | None
    """By a person's label, else by the simulator's truth; None: nobody knows."""
    said_by: str
    """Who knows it."""


def episodes_of(catalog: Catalog, policy_id: str) -> list[Acted]:
    """The newest episodes in which the policy acted, newest first."""
    found = list_episodes(catalog, behaviour=f"policy:{policy_id}", limit=NEWEST)[::-1]
    labels = standing_labels(catalog, episode_ids=[each.info.episode_id for each in found])
    said = {(label.episode_id, label.task): label for label in labels if label.outcome != "unsure"}
    acted = []
    for episode in found:
        info = episode.info
        label = said.get((info.episode_id, info.task or ""))
        truth = (info.truth or {}).get(info.task or "")
        outcome: Outcome | None = None
        if label is not None:
            outcome = "success" if label.outcome == "success" else "failure"
        elif truth is not None:
            outcome = "success" if truth else "failure"
        said_by = label.by if label else "the simulator" if truth is not None else "nobody yet"
        acted.append(Acted(episode=episode, outcome=outcome, said_by=said_by))
    return acted


def action_words(action_A: NDArray[np.float32] | None) -> str:
    """An action as people say it, lengths in centimetres; of the terminal frame, that it ended."""
    if action_A is None:
        return "The episode has ended."
    moves_cm = np.clip(action_A[:3], -1, 1) * MAX_TRANSLATION_M * 100
    words = [
        f"{abs(cm):.1f} cm {ahead if cm > 0 else back}"
        for cm, ahead, back in zip(
            moves_cm, ("away", "left", "up"), ("back", "right", "down"), strict=True
        )
        if abs(cm) >= 0.05
    ]
    turn = math.degrees(
        float(np.clip(math.atan2(action_A[3], action_A[4]), -MAX_ROTATION_RAD, MAX_ROTATION_RAD))
    )
    if abs(turn) >= 0.5:
        words.append(f"turns {abs(turn):.0f}° {'left' if turn > 0 else 'right'}")
    commands = ("opens the gripper", "closes the gripper", "ends the episode")
    words += [name for name, on in zip(commands, action_A[5:] > 0.5, strict=True) if on]
    return "Next: " + (", ".join(words) if words else "stays where it is") + "."


def heights_m(episode: Episode) -> list[float | None]:
    """The gripper's height at each frame [m]."""
    return [None if step.state is None else float(step.state[1]) for step in episode.steps]


def known_values(workspace: Workspace, policy_id: str, episode_id: str) -> list[float] | None:
    """The values of an episode's frames, where they were worked out before."""
    try:
        values: list[float] = json.loads(values_path(workspace, policy_id, episode_id).read_bytes())
    except (OSError, ValueError):
        return None
    return values


def work_out_values(workspace: Workspace, policy_id: str, episode_ids: Sequence[str]) -> None:
    """Have a process of its own work the values out: the network is not loaded into the server.

    Raises:
        RunError: It failed; quotes what it said.
    """
    for episode_id in episode_ids:
        work(
            "policy.cli",
            ["values", policy_id, episode_id],
            workspace=workspace,
            patience_s=VALUES_S,
            failed="The policy's values could not be worked out.",
            where=f"policy {policy_id}, episode {episode_id}",
        )
