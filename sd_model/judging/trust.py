"""Whether a detector may be trusted for one task on one robot, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sd_model.judging.metrics import Metrics, Rate

Trust = Literal["trusted", "with care", "cannot tell", "too few"]

GOOD_FALSE_POSITIVE = 0.02
"""Above this a detector's rewards are mostly wrong while the policy still rarely succeeds: at 2%
true success, 2% of failures taken for success make half of all rewards false."""
SURE_FALSE_POSITIVE = 0.10
"""Where the interval reaches above this, too few failures were judged to trust a low rate."""
GOOD_FALSE_NEGATIVE = 0.10
"""Lost successes slow a policy down; up to this share it bears them."""
SURE_FALSE_NEGATIVE = 0.30
"""Where the interval reaches above this, too few successes were judged to trust a low rate."""
USELESS_FALSE_POSITIVE = 0.10
"""Where even the lower end of the interval is above this, the task cannot be told."""
USELESS_FALSE_NEGATIVE = 0.30
"""Where even the lower end of the interval is above this, the task cannot be told."""
FEW = 10
"""Fewer episodes of an outcome than this say nothing, unless they are nearly all judged wrongly."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How far to trust, and why."""

    trust: Trust
    """`cannot tell`: the detector cannot tell success from failure; `too few`: too few examples
    were judged to say anything."""
    reason: str


def judge(metrics: Metrics) -> Verdict:
    """The verdict on one task on one robot."""
    missed, accepted = metrics.false_negative, metrics.false_positive
    taken = metrics.other_false_positive
    parts = [
        f"{_share(accepted)} failures taken for success" if accepted.count else "no failure judged",
        f"{_share(missed)} successes missed" if missed.count else "no success judged",
    ]
    if taken.errors:
        parts.append(f"{_share(taken)} frames of other tasks taken for this one")
    reason = "; ".join(parts)
    return Verdict(trust=_trust(missed, accepted, taken), reason=reason[0].upper() + reason[1:])


def _trust(missed: Rate, accepted: Rate, taken: Rate) -> Trust:
    useless = (
        (accepted, USELESS_FALSE_POSITIVE),
        (taken, USELESS_FALSE_POSITIVE),
        (missed, USELESS_FALSE_NEGATIVE),
    )
    if any(rate.count and rate.interval.low > limit for rate, limit in useless):
        return "cannot tell"
    if missed.value is None or accepted.value is None:
        return "too few"
    if min(missed.episodes, accepted.episodes) < FEW:
        return "too few"
    good_positive = accepted.value <= GOOD_FALSE_POSITIVE
    good_negative = missed.value <= GOOD_FALSE_NEGATIVE
    if (good_positive and accepted.interval.high > SURE_FALSE_POSITIVE) or (
        good_negative and missed.interval.high > SURE_FALSE_NEGATIVE
    ):
        return "too few"
    good_other = (taken.value or 0) <= GOOD_FALSE_POSITIVE
    return "trusted" if good_positive and good_negative and good_other else "with care"


def _share(rate: Rate) -> str:
    low, high = rate.interval
    source = f"; {rate.source}" if rate.source else ""
    return f"{rate.errors} of {rate.count} ({100 * low:.1f} to {100 * high:.1f}%{source})"
