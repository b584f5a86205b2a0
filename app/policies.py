"""What the pages show of trained policies, read from their folders without loading a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """How often a policy truly succeeded at one task."""

    attempts: int
    successes: int
    rate: float
    low: float
    """Lower end of the 95% Wilson interval."""
    high: float
    """Upper end of the 95% Wilson interval."""


@dataclass(frozen=True, kw_only=True)
class PolicyCard:
    """One trained policy."""

    policy_id: str
    folder: Path
    tasks: tuple[str, ...]
    detector: str | None
    """The detector that rewarded it."""
    strategy: str | None
    from_policy: str | None
    """The policy it started from."""
    updates: int | None
    results: Mapping[str, TaskResult]
    """By task; empty before it was evaluated."""


def list_policy_cards(workspace: Workspace) -> list[PolicyCard]:
    """Every policy that can be read, the newest first; a damaged one hides no other."""
    cards = []
    for path in workspace.policies.glob("*/config.json"):
        try:
            cards.append(_card(path.parent))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # using the policy says what is wrong with it
    return sorted(cards, key=lambda card: card.policy_id, reverse=True)


def _card(folder: Path) -> PolicyCard:
    lineage = _read(folder / "lineage.json")
    evaluation = folder / "evaluation.json"
    return PolicyCard(
        policy_id=folder.name,
        folder=folder,
        tasks=tuple(_read(folder / "config.json")["tasks"]),
        detector=lineage.get("detector"),
        strategy=lineage.get("strategy"),
        from_policy=lineage.get("from_policy"),
        updates=lineage.get("updates"),
        results=_results(_read(evaluation)) if evaluation.exists() else {},
    )


def _results(evaluation: Mapping[str, Any]) -> dict[str, TaskResult]:
    return {
        task: TaskResult(
            attempts=row["attempts"],
            successes=row["successes"],
            rate=row["rate"],
            low=row["low"],
            high=row["high"],
        )
        for task, row in evaluation["by_task"].items()
    }


def _read(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_bytes())
    if not isinstance(values, dict):
        raise TypeError(path)
    return values


def comparison_sentences(card: PolicyCard, before: PolicyCard | None) -> list[str]:
    """What the evaluation says, task by task, against the policy it started from."""
    sentences = []
    for task, result in card.results.items():
        text = (
            f"{task}: {result.successes} of {result.attempts} attempts succeeded "
            f"({_interval(result)})"
        )
        old = before.results.get(task) if before else None
        if old is None:
            sentences.append(f"{text}.")
        elif result.low > old.high:
            sentences.append(f"{text}, clearly better than before ({_interval(old)}).")
        elif result.high < old.low:
            sentences.append(f"{text}, clearly worse than before ({_interval(old)}).")
        else:
            sentences.append(
                f"{text}; before, {_interval(old)}. The intervals overlap, so this may be chance."
            )
    return sentences


def _interval(result: TaskResult) -> str:
    return f"{100 * result.rate:.0f}%, between {100 * result.low:.0f} and {100 * result.high:.0f}%"
