"""Import and export from the command line, there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.cli import goalpost
from data.catalog.catalog import Catalog
from data.episodes.episodes import Episode, EpisodeInfo, Step
from data.episodes.frames import CAMERAS, EncodedFrameSet, encode_jpeg
from data.episodes.index import list_episodes, save_episodes
from data.labels.labels import Label, append_labels
from data.workspace import open_workspace

NOW_NS = 1_790_000_000_000_000_000
THEIRS = Path(__file__).parents[2] / "data" / "importers" / "lerobot_v30" / "video"


def call(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(goalpost, ["data", "--workspace", str(root), *arguments])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with two labelled clips of two frames."""
    catalog = Catalog(open_workspace(tmp_path / "workspace"))
    jpeg = encode_jpeg(np.full((8, 8, 3), 90, np.uint8))
    frames = EncodedFrameSet(
        jpegs=dict.fromkeys(CAMERAS, jpeg), timestamps_ns=dict.fromkeys(CAMERAS, NOW_NS)
    )
    for outcome in ("success", "failure"):
        info = EpisodeInfo(
            episode_id=f"clip-{outcome}", robot="robot-1", kind="clip", behaviour="person",
            task="lift-can", outcome=outcome, pair_id="pair", recorded_at_ns=NOW_NS, step_count=2,
        )  # fmt: skip
        save_episodes(catalog, [Episode(info=info, steps=(Step(frames=frames),) * 2)])
        label = Label(
            label_id=f"label-{outcome}", episode_id=info.episode_id, frame_index=None,
            task="lift-can", outcome=outcome, by="ann", source="clip", at_ns=NOW_NS,
        )  # fmt: skip
        append_labels(catalog, [label])
    return catalog.workspace.root


def test_lerobot_out_and_in(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    result = call(root, "export", "lerobot", str(out), "--kind", "clip", "--images")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == "Moved 2 episodes, 4 frames, 2 labels."

    other = open_workspace(tmp_path / "other").root
    result = call(other, "import", "lerobot", str(out))
    assert result.output == "Moved 2 episodes, 4 frames, 2 labels.\n"
    result = call(other, "import", "lerobot", str(out))
    assert result.output == "Moved nothing new.\n2 were there already.\n"

    result = call(root, "export", "lerobot", str(out), "--kind", "clip")
    assert result.exit_code == 1
    assert "something at this place already" in result.output
    result = call(root, "export", "lerobot", str(tmp_path / "x"), "--kind", "clip",
                  "--success", "squares")  # fmt: skip
    assert result.exit_code == 1
    assert "Unknown detector 'squares'" in result.output


def test_a_foreign_dataset_asks_for_its_cameras(root: Path) -> None:
    result = call(root, "import", "lerobot", str(THEIRS), "--robot", "lab-arm")
    assert result.exit_code == 1
    assert "over_shoulder=observation.images.front" in result.output
    result = call(
        root, "import", "lerobot", str(THEIRS), "--robot", "lab-arm",
        "--camera", "over_shoulder=observation.images.top",
        "--camera", "left=observation.images.front",
        "--camera", "right=observation.images.wrist",
        "--task", "Pick up the can=lift-can", "--task", "Pick up the carrot=lift-carrot",
    )  # fmt: skip
    assert result.output == "Moved 2 episodes, 9 frames, 2 labels.\n", result.output
    found = list_episodes(Catalog(open_workspace(root)), robots=["lab-arm"])
    assert [each.info.task for each in found] == ["lift-carrot", "lift-can"]
