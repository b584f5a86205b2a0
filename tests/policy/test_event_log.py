"""What TensorBoard would read."""

from __future__ import annotations

from pathlib import Path

from tensorboardX.proto.event_pb2 import Event, SessionLog

from data.importers.tfrecord import read_records
from policy.event_log import EventLog


class Heard:
    """A report that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.rows: list[tuple[int, dict[str, float]]] = []

    def progress(self, fraction: float, message: str) -> None:
        self.said.append(message)

    def metrics(self, step: int, **values: float) -> None:
        self.rows.append((step, values))


def events(folder: Path) -> list[Event]:
    return [
        Event.FromString(record)
        for path in sorted(folder.iterdir())
        for record in read_records(path)
    ]


def test_every_number_is_a_scalar_and_is_passed_on(tmp_path: Path) -> None:
    heard = Heard()
    log = EventLog(heard, tmp_path / "tensorboard")
    log.progress(0.5, "half way")
    log.metrics(20, **{"loss": 0.25, "success/lift-any": 0.75})
    assert heard.said == ["half way"]
    assert heard.rows == [(20, {"loss": 0.25, "success/lift-any": 0.75})]
    scalars = {
        value.tag: (event.step, value.simple_value)
        for event in events(tmp_path / "tensorboard")
        for value in event.summary.value
    }
    assert scalars == {"loss": (20, 0.25), "success/lift-any": (20, 0.75)}


def test_what_a_kill_made_the_training_repeat_is_marked_as_overtaken(tmp_path: Path) -> None:
    for steps in ((20, 40), (40, 60)):
        log = EventLog(Heard(), tmp_path)
        for step in steps:
            log.metrics(step, loss=float(step))
    begun_at = [e.step for e in events(tmp_path) if e.session_log.status == SessionLog.START]
    assert begun_at == [20, 40]


def test_files_begin_with_their_version_and_are_named_as_tensorboard_looks_for_them(
    tmp_path: Path,
) -> None:
    log = EventLog(Heard(), tmp_path / "tensorboard")
    log.progress(0.1, "no numbers yet")
    assert not (tmp_path / "tensorboard").exists()
    log.metrics(20, loss=0.25)
    (path,) = (tmp_path / "tensorboard").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    assert events(tmp_path / "tensorboard")[0].file_version == "brain.Event:2"
