"""The walls of the house: what stands where, and how large a module may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("data", "sd_model", "policy", "goalpost", "app")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST_MODULE_LINES = 400
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "misc"}


def test_imports_point_one_way() -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_noun(path: Path) -> None:
    source = path.read_text()
    assert path.stem not in NAMES_THAT_SAY_NOTHING
    assert source.count("\n") <= LONGEST_MODULE_LINES
    docstring = ast.get_docstring(ast.parse(source))
    assert docstring, "a module says in its first line what it is"


def test_no_module_needs_itself_by_way_of_others() -> None:
    """Not even for the sake of a type, or within a function."""
    needs = {_name(path): _needed_by(path) & _ALL for path in MODULES}
    while free := {name for name, others in needs.items() if not others}:
        needs = {name: others - free for name, others in needs.items() if name not in free}
    needed = set().union(*needs.values())
    while outer := set(needs) - needed:  # these only lead to a circle
        needs = {name: others for name, others in needs.items() if name not in outer}
        needed = set().union(*needs.values())
    assert not needs


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _needed_by(path: Path) -> set[str]:
    needed: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            needed |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = {f"{node.module}.{alias.name}" for alias in node.names} & _ALL
            needed |= modules or {node.module}
    return needed - {_name(path)}


_ALL = set(map(_name, MODULES))


def test_every_package_is_listed() -> None:
    """A package that pyproject does not list would be missing from an installed Goalpost."""
    import tomllib

    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in MODULES
        if path.name == "__init__.py"
    }
    assert found == listed


def test_the_lock_names_versions_and_no_addresses() -> None:
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        name, separator, version = line.partition("==")
        assert separator and name and version and "://" not in line and "@" not in line, line


def test_tests_are_no_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_help_is_answered_without_loading_a_layer() -> None:
    """`goalpost --help` must be quick, so it may load neither torch nor streamlit nor duckdb."""
    code = (
        "import sys; from click.testing import CliRunner; from app.cli import goalpost;"
        "r = CliRunner().invoke(goalpost, ['--help']); assert r.exit_code == 0, r.output;"
        "print(sorted({'torch', 'streamlit', 'duckdb', 'pybullet', 'cv2'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_pages_are_shown_without_torch() -> None:
    """It would take up half of the memory that the web server may have."""
    code = (
        "import sys; from app.pages import PAGES; from importlib import import_module;"
        "[import_module(f'app.views.{page.name}') for page in PAGES];"
        "print(sorted({'torch', 'torchvision'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout.strip().endswith("[]"), result.stdout + result.stderr


def test_every_file_that_the_app_reads_is_installed() -> None:
    """A kind of file that pyproject does not name would be missing from an installed Goalpost."""
    import fnmatch
    import tomllib

    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    missing = [
        path
        for path in tracked
        if not path.endswith(".py")
        and not any(fnmatch.fnmatch(path, f"*/{kind}") for kind in setup["package-data"]["*"])
    ]
    assert missing == []
