"""What every test needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import pytest

_KEEP_MOUNTED = """
mount -t tmpfs -o "size=$1" tmpfs "$2" || exit
echo mounted
read -r _
umount --lazy "$2"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that workers beside each other end together."""
    items.sort(key=lambda item: item.path.parent.name not in ("browser", "end_to_end"))


@pytest.fixture(autouse=True)
def queue_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """No test waits for the runs of another, nor for those at work on this machine."""
    folder = tmp_path_factory.mktemp("queue")
    monkeypatch.setenv("GOALPOST_QUEUE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def videos_may_be_cameras(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Videos that a test writes may stand in for cameras."""
    monkeypatch.setenv("GOALPOST_VIDEO_FOLDERS", str(tmp_path_factory.getbasetemp()))


@dataclass(frozen=True)
class SmallDisk:
    """A disk of a few kilobytes or megabytes."""

    folder: Path

    @property
    def filler(self) -> Path:
        """What takes all the room after `fill`."""
        return self.folder / "filler"

    def fill(self) -> None:
        """Leave no byte free."""
        with (
            self.filler.open("ab", buffering=0) as file,
            pytest.raises(OSError, match="No space left"),
        ):
            _write_for_ever(file)

    def free(self) -> None:
        """Make room again."""
        self.filler.unlink(missing_ok=True)


def _write_for_ever(file: FileIO) -> None:
    while True:
        file.write(bytes(1 << 12))


@pytest.fixture(scope="session")
def mount_small_disk(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], AbstractContextManager[SmallDisk]]:
    """Mounts a disk of a size such as `24m`; skips the test where that is not permitted."""

    @contextmanager
    def mount(size: str) -> Iterator[SmallDisk]:
        folder = tmp_path_factory.mktemp("disk")
        # A process of its own keeps it: a killed pytest leaves no mount behind, for then the line
        # to the keeper breaks. Unmounted lazily: a process or a memory map of the test may hold a
        # file a moment longer.
        with subprocess.Popen(
            ["sh", "-c", _KEEP_MOUNTED, "sh", size, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as keeper:
            assert keeper.stdout is not None
            if keeper.stdout.readline() != "mounted\n":
                _, why = keeper.communicate()
                pytest.skip(f"mounting a small disk is not permitted here: {why.strip()}")
            try:
                yield SmallDisk(folder)
            finally:
                keeper.communicate("enough\n")
            assert keeper.returncode == 0

    return mount


@pytest.fixture(autouse=True)
def main_module_is_kept() -> Iterator[None]:
    """Streamlit puts a page's script in the place of `__main__` and leaves it there.

    A process that a later test spawns would run that script instead of what was asked of it.
    """
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
