from app.widgets.review_cards import told_apart


def test_scores_have_as_many_digits_as_tell_them_apart() -> None:
    assert told_apart(0.8, 0.5) == ("0.80", "0.50")
    assert told_apart(0.5, 0.5) == ("0.50", "0.50")
    assert told_apart(0.912, 0.914) == ("0.912", "0.914")
    assert told_apart(0.0, 0.9987) == ("0.000", "0.999")  # no score reaches a threshold of 1
    assert told_apart(0.99871, 0.99874) == ("0.99871", "0.99874")
