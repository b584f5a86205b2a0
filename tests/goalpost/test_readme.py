"""The examples of the README are commands that exist and code that runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import gymnasium
import numpy as np
import pytest

import goalpost
from app.cli import goalpost as command

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


COMMANDS = [
    line for block in blocks("sh") for line in block.splitlines() if line.startswith("goalpost ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_understood(line: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.parquet").touch()  # options that name files want them to be there
    found: click.Command = command
    rest = shlex.split(line)[1:]
    context = click.Context(found)
    while isinstance(found, click.Group):
        name = rest.pop(0)
        subcommand = found.get_command(context, name)
        assert subcommand is not None, f"there is no {name} in: {line}"
        context = click.Context(subcommand, parent=context)
        found = subcommand
    found.make_context(found.name, rest)


class Brightness:
    """Stands for a detector: brightness is success."""

    tasks = ("lift-can",)
    thresholds = {"lift-can": 0.5}  # noqa: RUF012

    def score(self, frames: Any, robots: Any = None) -> Any:
        return np.array([[each["left"].mean() / 255] for each in frames], dtype=np.float32)

    def decide(self, scores_NT: Any) -> Any:
        return scores_NT >= 0.5


class Bright(gymnasium.Env[Any, Any]):
    """An environment of one step, which ends in light."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        image = np.full((8, 8, 3), 200, np.uint8)
        return dict.fromkeys(goalpost.CAMERAS, image), 0.0, True, False, {}


def test_the_python_example_runs(monkeypatch: Any) -> None:
    [example] = [block for block in blocks("python") if "import goalpost" in block]
    monkeypatch.setattr(goalpost, "load_detector", lambda *given, **more: Brightness())
    image = np.full((8, 8, 3), 100, np.uint8)
    names: dict[str, Any] = {
        "images": dict.fromkeys(goalpost.CAMERAS, image),
        "environment": Bright(),
    }
    exec(compile(example, "README.md", "exec"), names)
    assert names["succeeded"].tolist() == [[False]]
    assert names["rewarded"].step(0)[1] == 1.0
    assert names["classifier"] is not None
