"""Whether an installed Goalpost is whole: every module, recipe and page, and a simulated cell.

Where PyBullet has no wheel for the Python, everything but the simulated cell.

    python .ci/installed.py WORKSPACE

Run it with the Python of an environment that holds nothing but the wheel, in another folder.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import sysconfig
from pathlib import Path

PACKAGES = ("data", "sd_model", "policy", "goalpost", "app")
SCRIPTS = ("app.main", "app.asgi")
"""These are run by Streamlit instead of imported."""
SIMULATORS = ("pybullet", "pybullet_data")


def has_simulator() -> bool:
    """Whether the installed one can open simulated cells."""
    return bool(importlib.import_module("data.cells.simulated.opening").has_simulator())


def check_modules() -> int:
    """Import every module that can be, so that a package that only developers have is missed."""
    installed = Path(sysconfig.get_paths()["purelib"])
    count = 0
    for name in PACKAGES:
        package = importlib.import_module(name)
        if not Path(str(package.__file__)).is_relative_to(installed):
            sys.exit(f"This is not the installed one: {package}")
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if found.name not in SCRIPTS:
                try:
                    importlib.import_module(found.name)
                except ModuleNotFoundError as error:
                    if has_simulator() or error.name not in SIMULATORS:
                        raise
                else:
                    count += 1
    return count


def check_recipes() -> None:
    """Load every recipe."""
    for layer in ("policy.config", "sd_model.config"):
        config = importlib.import_module(layer)
        for name in config.RECIPES:
            config.load_recipe(name)


def check_pages() -> int:
    """Show every page of a new workspace; where it can, Record starts a simulated cell."""
    from streamlit.testing.v1 import AppTest

    from app.pages import PAGES

    for page in PAGES:
        script = f"from app.views.{page.name} import render\nrender()"
        shown = AppTest.from_string(script, default_timeout=300).run()
        told = [*shown.exception, *shown.error]
        if told:
            sys.exit(f"The page {page.name} shows: {told}")
    return len(PAGES)


def main() -> None:
    """Check, stop what was started, and say what was seen."""
    workspace = Path(sys.argv[1]).resolve()
    os.environ["GOALPOST_WORKSPACE"] = str(workspace)
    modules = check_modules()
    check_recipes()
    from data.cells.client import running_hosts, stop_host
    from data.workspace import open_workspace

    opened = open_workspace(workspace)
    try:
        pages = check_pages()
    finally:
        for robot in running_hosts(opened):
            stop_host(opened, robot)
    cell = "a simulated cell" if has_simulator() else "no simulated cell, for PyBullet is missing"
    print(f"Installed and whole: {modules} modules, every recipe, {pages} pages, {cell}.")


if __name__ == "__main__":
    main()
