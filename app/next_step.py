"""The loop as a checklist: what is done, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.wording import counted

ENOUGH_LABELS = 20
"""So many labelled ends of robots' episodes show a detector how robots do it."""
DEFINING = {"tasks-tab": "Define a task"}
"""In the address of the Tasks page: opens the form for a new task."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a workspace holds, as far as the next step depends on it."""

    tasks: int = 0
    own_tasks: int = 0
    """Of these, tasks that did not come with Goalpost."""
    clips: int = 0
    """Clips in use; one that was recorded again does not count."""
    labels: int = 0
    """Labels that stand, answers of "unsure" included."""
    paired_tasks: int = 0
    """Tasks with a clip of success and a clip of failure."""
    paired_robots: int = 0
    """Robots on which such clips were recorded; one of them will be held out."""
    robot_episodes: int = 0
    """Episodes in which a robot acted."""
    labelled_terminal_frames: int = 0
    """Robot episodes whose terminal frame somebody, or the simulator, labelled."""
    detectors: int = 0
    labels_since_detector: int = 0
    """Labels that are newer than the newest detector."""
    reviewed_labels: int = 0
    """Labels given on the Review page."""
    policies: int = 0
    policy_detector_is_newest: bool = True
    """Whether the newest policy was rewarded by the newest detector."""


@dataclass(frozen=True, kw_only=True)
class LoopStep:
    """One line of the checklist."""

    title: str
    page: Literal["tasks", "record", "label", "detector", "review", "policy"]
    state: Literal["done", "next", "later"]
    text: str
    """What there is, or what to do."""
    action: str
    """Words of the button that leads to the page."""
    query: Mapping[str, str] = field(default_factory=dict)
    """What the page's address says beside its name."""


def checklist(facts: Facts) -> list[LoopStep]:
    """The loop in its order; the first step that is not done is the next one.

    When every step is done once, the loop goes round: the next step is the first that something
    newer has made stale, or more recording.
    """
    rows: list[tuple[str, str, bool, str, str, str]] = [
        (
            "Define a task", "tasks", facts.tasks > 0,
            f"{counted(facts.tasks, 'task')} defined, {facts.own_tasks or 'none'} of your own.",
            "Say what the robot should achieve.", "Define a task",
        ),
        (
            "Record pairs", "record", facts.paired_tasks > 0 and facts.paired_robots > 1,
            f"{counted(facts.paired_tasks, 'task')} shown as success and failure on "
            f"{counted(facts.paired_robots, 'robot')}.",
            _pairs_wanted(facts), "Record a pair",
        ),
        (
            "Collect and label episodes", "label", _labelled_enough(facts),
            f"{facts.labelled_terminal_frames} of "
            f"{counted(facts.robot_episodes, 'robot episode')} labelled.",
            f"Label how {counted(_labels_wanted(facts), 'more episode')} ended."
            if facts.robot_episodes
            else "Let a robot try the task, then label how its episodes ended.",
            "Label episodes" if facts.robot_episodes else "Collect episodes",
        ),
        (
            "Train the detector", "detector",
            facts.detectors > 0,
            f"{counted(facts.detectors, 'detector')} trained.",
            "Train a detector on what was labelled, with one robot held out.", "Train a detector",
        ),
        (
            "Review its mistakes", "review", facts.detectors > 0 and facts.reviewed_labels > 0,
            f"{counted(facts.reviewed_labels, 'label')} corrected or confirmed in review.",
            "Look at what the detector got wrong on the held-out robot.", "Review mistakes",
        ),
        (
            "Retrain the policy", "policy", facts.policies > 0,
            f"{counted(facts.policies, 'policy', 'policies')} trained.",
            "Let the detector reward the robot's episodes, and train a policy on them.",
            "Retrain a policy",
        ),
    ]  # fmt: skip
    found_next = False
    steps = []
    for title, page, done, present, wanted, action in rows:
        state: Literal["done", "next", "later"] = "done"
        if not done:
            state = "later" if found_next else "next"
            found_next = True
        if page == "label" and not facts.robot_episodes:
            page = "policy"
        steps.append(
            LoopStep(
                title=title,
                page=page,  # type: ignore[arg-type]
                state=state,
                text=present if done else wanted,
                action=action,
                query=DEFINING if page == "tasks" else {},
            )
        )
    return steps


def next_step(facts: Facts) -> LoopStep:
    """The one thing to do next: first what was never done, then what has grown stale."""
    for step in checklist(facts):
        if step.state == "next":
            return step
    if facts.labels_since_detector:
        return LoopStep(
            title="Train the detector again",
            page="detector",
            state="next",
            text=f"{counted(facts.labels_since_detector, 'label')} came after the newest detector.",
            action="Train the detector again",
        )
    if not facts.policy_detector_is_newest:
        return LoopStep(
            title="Retrain the policy",
            page="policy",
            state="next",
            text="The newest policy was rewarded by an older detector.",
            action="Retrain the policy",
        )
    return LoopStep(
        title="Go round again",
        page="record",
        state="next",
        text="Everything was done once. Record what the detector still gets wrong.",
        action="Record a pair",
    )


def _labels_wanted(facts: Facts) -> int:
    return min(ENOUGH_LABELS, facts.robot_episodes) - facts.labelled_terminal_frames


def _labelled_enough(facts: Facts) -> bool:
    """Whether a first detector can learn how robots do it; who has trained one knows."""
    return facts.labelled_terminal_frames > 0 and (
        facts.detectors > 0 or _labels_wanted(facts) <= 0
    )


def _pairs_wanted(facts: Facts) -> str:
    if facts.paired_tasks:
        return (
            "Record the same task on a second robot: one robot is held out to judge the detector."
        )
    return "Show a task's success and its failure to the cameras, on at least two robots."
