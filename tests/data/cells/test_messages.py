import json

import pytest

from data.cells.messages import (
    CellStatus,
    RecordingStatus,
    decode_command,
    decode_reply,
    encode_command,
    encode_error,
    encode_result,
    status_as_json,
    status_from_json,
)
from data.errors import CellError, StorageFull
from data.recording import RecoveredClip

STATUS = CellStatus(
    robot="robot-1",
    kind="simulated",
    recording=RecordingStatus(
        recording_id="clip-2",
        task="lift-any",
        outcome="success",
        pair_id=None,
        by="ann",
        started_at_ns=2,
        frame_count=7,
        dropped_frames=0,
    ),
    recovered=(
        RecoveredClip(
            recording_id="clip-1",
            robot="robot-1",
            task="lift-any",
            outcome="failure",
            pair_id="pair-1",
            by="ann",
            started_at_ns=1,
            frame_count=3,
        ),
    ),
    camera_errors={"left": "Camera 'left' cannot be opened."},
    problem=None,
    scene="success of lift-any",
)


def test_commands_and_results_come_through() -> None:
    assert decode_command(encode_command("new_scene", {"seed": 3})) == ("new_scene", {"seed": 3})
    assert decode_reply(encode_result({"a": [1, None]})) == {"a": [1, None]}


def test_a_status_comes_through() -> None:
    assert status_from_json(json.loads(json.dumps(status_as_json(STATUS)))) == STATUS


def test_an_error_is_raised_again_as_what_it_was() -> None:
    sent = StorageFull("Full.", where="/data", valid=["a", "b"], next_step="Free some space.")
    with pytest.raises(StorageFull) as raised:
        decode_reply(encode_error(sent))
    assert str(raised.value) == str(sent)
    assert (raised.value.where, raised.value.valid) == ("/data", ("a", "b"))


def test_a_defect_of_the_host_is_told_as_such() -> None:
    with pytest.raises(CellError, match="ZeroDivisionError: by zero"):
        decode_reply(encode_error(ZeroDivisionError("by zero")))


@pytest.mark.parametrize("message", [b"", b"{}", b"[1]", b'{"command": "status"}', b"\xff"])
def test_nonsense_is_refused(message: bytes) -> None:
    with pytest.raises(CellError, match="cannot be read"):
        decode_command(message)
