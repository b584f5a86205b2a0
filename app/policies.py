"""What the pages show of trained policies, without loading a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.wording import counted, listed, when
from data.workspace import Workspace
from policy.artefact import PolicySummary, list_policies


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
    judged: int
    """Attempts that the detector judged as well."""
    false_positives: int
    """True failures that the detector called successes."""
    false_negatives: int
    """True successes that the detector called failures."""


@dataclass(frozen=True, kw_only=True)
class PolicyCard:
    """One trained policy."""

    policy_id: str
    created_at_ns: int
    tasks: tuple[str, ...]
    detector: str | None
    """The detector that rewarded it."""
    strategy: str | None
    from_policy: str | None
    """The policy it started from."""
    updates: int | None
    results: Mapping[str, TaskResult]
    """By task; empty before it was evaluated."""
    script: Mapping[str, TaskResult]
    """How the script did in the same scenes, by task; empty where it was not compared."""
    judged_on: tuple[str, ...]
    """The robots of the evaluation."""
    taught_by: tuple[str, ...] | None
    """The robots whose episodes it learned from; None where nobody wrote that down."""
    unknown_tasks: tuple[str, ...]
    """Tasks that were left out of the evaluation: the simulator does not know their outcome."""

    @property
    def words(self) -> str:
        """The policy as people tell it from others: when, which tasks, the end of its id."""
        return f"{when(self.created_at_ns)} · {listed(self.tasks, limit=4)} · {self.policy_id[-4:]}"


def list_policy_cards(workspace: Workspace) -> list[PolicyCard]:
    """Every policy that can be read, the newest first; a damaged one hides no other."""
    return [_card(summary) for summary in list_policies(workspace)]


def compared_with(card: PolicyCard, cards: Sequence[PolicyCard]) -> PolicyCard | None:
    """What the result of `card` is compared with: the policy it started from, if it was evaluated.

    Else the newest older one that was evaluated on one of its tasks.

    Args:
        cards: Every policy, newest first.
    """
    older = [each for each in cards if each.created_at_ns < card.created_at_ns and each.results]
    started = [each for each in older if each.policy_id == card.from_policy]
    alike = [each for each in older if set(each.results) & set(card.tasks)]
    return next(iter([*started, *alike]), None)


def _card(summary: PolicySummary) -> PolicyCard:
    lineage = summary.lineage
    return PolicyCard(
        policy_id=summary.policy_id,
        created_at_ns=summary.created_at_ns,
        tasks=summary.tasks,
        detector=lineage.get("detector"),
        strategy=lineage.get("strategy"),
        from_policy=lineage.get("from_policy"),
        updates=lineage.get("updates"),
        results=_results(summary.evaluation or {}),
        script=_results((summary.evaluation or {}).get("script", {})),
        judged_on=tuple((summary.evaluation or {}).get("by_robot", ())),
        taught_by=None if (taught := lineage.get("taught_by")) is None else tuple(taught),
        unknown_tasks=tuple((summary.evaluation or {}).get("unknown_tasks", ())),
    )


def _results(evaluation: Mapping[str, Any]) -> dict[str, TaskResult]:
    names = TaskResult.__dataclass_fields__
    return {
        task: TaskResult(**{name: row[name] for name in names})
        for task, row in evaluation.get("by_task", {}).items()
    }


def where_judged(card: PolicyCard) -> str:
    """On which robots its successes were counted, and whether it had learned from them."""
    words = f"Judged on {listed(card.judged_on)}"
    if card.taught_by is None:
        return f"{words}."
    known = [robot for robot in card.judged_on if robot in card.taught_by]
    if not known:
        return f"{words}, of which it has learned nothing."
    return (
        f"{words}, in scenes of their own; it has learned from episodes of {listed(known)}, so on "
        "a robot that it has never met it may do worse."
    )


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
            text += "."
        elif result.low > old.high:
            text += f", clearly better than before ({_interval(old)})."
        elif result.high < old.low:
            text += f", clearly worse than before ({_interval(old)})."
        else:
            text += f"; before, {_interval(old)}. The intervals overlap, so this may be chance."
        script = card.script.get(task)
        if script is not None:
            text += f" The script that it began from: {_interval(script)}, in the same scenes."
        if result.false_positives:
            text += f" The detector took {counted(result.false_positives, 'failure')} for success."
        sentences.append(text)
    return sentences


def _interval(result: TaskResult) -> str:
    return f"{100 * result.rate:.0f}%, between {100 * result.low:.0f} and {100 * result.high:.0f}%"
