from __future__ import annotations

import pytest

from app.tokens import LIFETIME_S, is_valid, sign

NOW_S = 1_000_000.0  # 400 s into its period of LIFETIME_S, which ends at 1_000_200


def test_a_token_is_valid_for_its_subject_until_it_expires() -> None:
    token = sign("preview:robot-1", now_s=NOW_S)
    assert token.split(".")[0] == "1000800"
    assert is_valid(token, "preview:robot-1", now_s=NOW_S)
    assert is_valid(token, "preview:robot-1", now_s=1_000_799.9)
    assert not is_valid(token, "preview:robot-1", now_s=1_000_800.0)
    assert not is_valid(token, "preview:robot-2", now_s=NOW_S)


def test_tokens_of_one_period_are_equal_so_that_browsers_can_cache() -> None:
    start_s = 1_000_200.0
    assert sign("a", now_s=start_s) == sign("a", now_s=start_s + LIFETIME_S - 1)
    assert sign("a", now_s=start_s) != sign("a", now_s=start_s + LIFETIME_S)


@pytest.mark.parametrize("token", ["", ".", "1000800", "1000800.", "9999999.00", "x.y", "\uff11.a"])
def test_what_was_not_signed_here_is_refused(token: str) -> None:
    assert not is_valid(token, "preview:robot-1", now_s=NOW_S)


def test_a_later_expiry_cannot_be_written_into_a_token() -> None:
    _, signature = sign("a", now_s=NOW_S).split(".")
    assert not is_valid(f"2000000.{signature}", "a", now_s=NOW_S)
