"""What a detector got wrong, at its own thresholds or at others, without asking it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.decision_log import Item
from data.labels import Label
from sd_model.judging.scores import JudgedExample

MistakeKind = Literal["false positive", "false negative"]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How often a detector was wrong among judged examples."""

    successes: int
    failures: int
    false_positives: int
    """Failures that were taken for success."""
    false_negatives: int
    """Successes that were taken for failure."""

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the failures; None without any."""
        return self.false_positives / self.failures if self.failures else None

    @property
    def false_negative_rate(self) -> float | None:
        """Share of the successes; None without any."""
        return self.false_negatives / self.successes if self.successes else None


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One label that the detector disagrees with: of a terminal frame, or of a whole clip."""

    item: Item
    kind: MistakeKind
    worst: JudgedExample
    """The frame on which it is furthest from the threshold."""
    confidence: float
    """That distance, as a share of the largest one possible, 0 to 1."""
    wrong_frames: int
    judged_frames: int


def tally(examples: Iterable[JudgedExample], thresholds: Mapping[str, float]) -> Tally:
    """Count the examples and the mistakes among them at `thresholds`."""
    successes = failures = false_positives = false_negatives = 0
    for example in examples:
        decided = example.score >= thresholds[example.task]
        if example.outcome == "success":
            successes += 1
            false_negatives += not decided
        else:
            failures += 1
            false_positives += decided
    return Tally(
        successes=successes,
        failures=failures,
        false_positives=false_positives,
        false_negatives=false_negatives,
    )


def find_mistakes(
    examples: Iterable[JudgedExample], thresholds: Mapping[str, float]
) -> list[Mistake]:
    """The mistakes at `thresholds`, the most confident first; one for all frames of a clip."""
    groups: dict[Item, list[JudgedExample]] = {}
    for example in examples:
        groups.setdefault(item_of(example), []).append(example)
    found: list[Mistake] = []
    for item, group in groups.items():
        wrong = [
            example
            for example in group
            if (example.score >= thresholds[item.task]) != (example.outcome == "success")
        ]
        if wrong:
            worst = max(wrong, key=lambda example: _confidence(example, thresholds[item.task]))
            found.append(
                Mistake(
                    item=item,
                    kind="false negative" if worst.outcome == "success" else "false positive",
                    worst=worst,
                    confidence=_confidence(worst, thresholds[item.task]),
                    wrong_frames=len(wrong),
                    judged_frames=len(group),
                )
            )
    return sorted(found, key=lambda mistake: (-mistake.confidence, mistake.item.item_id))


def item_of(example: JudgedExample) -> Item:
    """What a person labels to correct the example: the whole clip, or the terminal frame."""
    frame = None if example.kind == "clip" else example.frame_index
    return Item(example.episode_id, frame, example.task)


def _confidence(example: JudgedExample, threshold: float) -> float:
    distance = example.score - threshold
    room = (1 - threshold) if distance >= 0 else threshold
    return abs(distance) / room if room else 1.0


def reviewed(labels: Iterable[Label]) -> dict[Item, Label]:
    """The standing labels that were given in review."""
    return {
        Item(label.episode_id, label.frame_index, label.task): label
        for label in labels
        if label.source == "review"
    }


def as_corrected(
    examples: Sequence[JudgedExample], corrections: Mapping[Item, Label]
) -> list[JudgedExample]:
    """The examples with the outcomes that people gave in review; `unsure` ones are left out."""
    corrected: list[JudgedExample] = []
    for example in examples:
        label = corrections.get(item_of(example))
        if label is None:
            corrected.append(example)
        elif label.outcome != "unsure":
            outcome: Literal["success", "failure"] = (
                "success" if label.outcome == "success" else "failure"
            )
            corrected.append(replace(example, outcome=outcome))
    return corrected
