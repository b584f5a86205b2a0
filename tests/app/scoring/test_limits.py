"""The rate limit, with a clock of the test's own."""

from __future__ import annotations

from app.scoring.limits import Limits, RateLimit


def test_a_bucket_fills_again() -> None:
    now_s = [100.0]
    rate = RateLimit(Limits(per_second=10, burst=20), clock_s=lambda: now_s[0])
    assert rate.wait_s("lab", 20) == 0
    assert rate.wait_s("lab", 5) == 0.5  # 5 tokens at 10 a second
    assert rate.wait_s("other", 5) == 0
    now_s[0] += 0.5
    assert rate.wait_s("lab", 5) == 0
    now_s[0] += 100
    assert rate.wait_s("lab", 20) == 0  # never more than the burst
    assert rate.wait_s("lab", 1) > 0
