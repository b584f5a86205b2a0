"""What the scoring service answers, as pydantic models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from sd_model.judging.metrics import Rate
from sd_model.serving.current import Trusted


class RateFigure(BaseModel):
    """A share of frames with its 95% interval."""

    errors: int
    count: int
    low: float
    high: float


class HoldoutFigures(BaseModel):
    """How the detector did on a robot that it had not been trained on."""

    robot: str
    trust: Literal["trusted", "with care", "cannot tell", "too few"]
    reason: str
    false_positive: RateFigure
    false_negative: RateFigure


class Judgement(BaseModel):
    """What the detector says of one task on one frame set."""

    task: str
    probability: float = Field(description="Of success, 0 to 1.")
    decision: bool = Field(
        description="Whether the probability reaches the threshold; where that would contradict "
        "another task (a lifted can, and nothing lifted), the surer one has its say."
    )
    threshold: float
    abstain: bool = Field(
        description="The probability is too close to call (neither success nor failure has nine "
        "in ten), or nothing was held out that shows that the decision can be trusted for this "
        "task (on this robot, if one was named and held out)."
    )
    holdout: list[HoldoutFigures]


class Scores(BaseModel):
    """The answer to a request."""

    detector: str = Field(description="The version that judged; it may change between requests.")
    results: list[list[Judgement]] = Field(description="Per frame set, one judgement a task.")


class DetectorEntry(BaseModel):
    """One detector of the workspace."""

    detector: str
    tasks: list[str]
    holdout: list[str]
    approved_by: str | None
    in_use: bool


class Health(BaseModel):
    """That the service is there, and with what."""

    status: Literal["ok"] = "ok"
    detector: str


def judgement(
    trusted: Trusted,
    task: str,
    probability: float,
    *,
    decision: bool,
    unsure: bool,
    robot: str | None,
) -> Judgement:
    """One task's judgement with the figures that say how far to trust it."""
    cells = trusted.cells_of(task, robot)
    return Judgement(
        task=task,
        probability=probability,
        decision=decision,
        threshold=trusted.detector.thresholds[task],
        abstain=unsure or not any(cell.verdict.trust in ("trusted", "with care") for cell in cells),
        holdout=[
            HoldoutFigures(
                robot=cell.robot,
                trust=cell.verdict.trust,
                reason=cell.verdict.reason,
                false_positive=_figure(cell.metrics.false_positive),
                false_negative=_figure(cell.metrics.false_negative),
            )
            for cell in cells
        ],
    )


def _figure(rate: Rate) -> RateFigure:
    return RateFigure(
        errors=rate.errors, count=rate.count, low=rate.interval.low, high=rate.interval.high
    )
