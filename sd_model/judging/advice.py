"""What a technician should do next about one task on one robot, in plain words."""

from __future__ import annotations

from sd_model.judging.metrics import Metrics, Rate
from sd_model.judging.thresholds import failures_needed

CLAIMED_RATE = 0.01
"""The false positive rate that a detector should be shown to stay below."""
CLAIM_CONFIDENCE = 0.95
"""One-sided confidence of that claim: none accepted among 299 failures."""
ACCEPTED_FALSE_NEGATIVE = 0.1
"""Lost successes slow a policy down; above this share they deserve a look."""


def advise(task: str, robot: str, metrics: Metrics) -> tuple[str, ...]:
    """The next steps for `task` on `robot`, the most urgent first; empty where nothing is to do."""
    steps = [
        *_false_positives(task, robot, metrics.false_positive),
        *_false_negatives(task, robot, metrics.false_negative),
    ]
    other = metrics.other_false_positive
    if other.errors:
        steps.append(
            f"{other.errors} of {other.count} frames of other tasks on {robot} were taken for "
            f"{task}: label such frames as failures of {task}."
        )
    return tuple(steps)


def _false_positives(task: str, robot: str, rate: Rate) -> list[str]:
    needed = failures_needed(CLAIMED_RATE, CLAIM_CONFIDENCE)
    if not rate.count:
        return [f"No failure of {task} on {robot} was judged: record or label some."]
    if rate.errors:
        return [
            f"{rate.errors} of {rate.count} failures of {task} on {robot}{_source(rate)} were "
            "accepted: open "
            "them in Review. Where the label is wrong, correct it; where it is right, record more "
            "failures that look like them."
        ]
    if rate.episodes < needed:
        return [
            f"Too few failures of {task} on {robot} to tell: {rate.episodes} of at least {needed}, "
            f"which it takes to show that fewer than {CLAIMED_RATE:.0%} are accepted."
        ]
    return []


def _false_negatives(task: str, robot: str, rate: Rate) -> list[str]:
    if not rate.count:
        return [f"No success of {task} on {robot} was judged: record or label some."]
    if rate.errors > ACCEPTED_FALSE_NEGATIVE * rate.count:
        return [
            f"{rate.errors} of {rate.count} successes of {task} on {robot}{_source(rate)} were "
            "missed: open them in Review, and record successes under more lights, backgrounds and "
            "objects."
        ]
    return []


def _source(rate: Rate) -> str:
    return f" ({rate.source})" if rate.source else ""
