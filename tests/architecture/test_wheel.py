"""What a wheel holds, and that it works in another folder without this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("data", "sd_model", "policy", "goalpost", "app")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that setuptools puts into a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    result = subprocess.run(
        [
            sys.executable, "-W", "ignore", "-c", "import setuptools; setuptools.setup()",
            "-q", "egg_info", "--egg-base", str(folder),
            "build_py", "--build-lib", str(folder / "lib"),
        ],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder / "lib"


def test_it_holds_every_file_of_the_packages(built: Path) -> None:
    """Recipes, Streamlit's settings, JavaScript, styles and templates among them."""
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    here = {name for name in listed if (ROOT / name).exists()}
    held = {str(path.relative_to(built)) for path in built.rglob("*") if path.is_file()}
    assert held >= here, sorted(here - held)
    assert "app/.streamlit/config.toml" in held
    assert not [name for name in held if name.startswith("tests")]


def test_it_works_in_another_folder(built: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; import app, goalpost;"
        "from importlib import resources;"
        "from policy.config import load_recipe as policy_recipe;"
        "from sd_model.config import load_recipe as detector_recipe;"
        "policy_recipe('cpu', {}); detector_recipe('cpu', {});"
        "assert resources.files('sd_model.judging').joinpath('report.html').is_file();"
        "from click.testing import CliRunner; from app.cli import goalpost as command;"
        "r = CliRunner().invoke(command, ['--help']); assert r.exit_code == 0, r.output;"
        "print(Path(app.__file__).parents[1])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(built)},
    )  # fmt: skip
    assert result.stdout.strip() == str(built), result.stderr
