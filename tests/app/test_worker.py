import pytest

from app.worker import work
from data.errors import RunError
from data.workspace import Workspace


@pytest.mark.parametrize(
    ("words", "patience_s", "why"),
    [(["no-such-command"], 60.0, "no-such-command"), (["--help"], 0.001, "took over 0.001 s")],
)
def test_what_fails_or_takes_too_long_says_so(
    tmp_path, words: list[str], patience_s: float, why: str
) -> None:
    with pytest.raises(RunError, match="It did not work") as raised:
        work(
            "sd_model.cli",
            words,
            workspace=Workspace(tmp_path),
            patience_s=patience_s,
            failed="It did not work.",
            where="here",
        )
    assert why in str(raised.value)
