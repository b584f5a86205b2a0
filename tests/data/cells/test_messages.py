import msgspec
import pytest

from data.cells.messages import (
    AskStatus,
    CellStatus,
    NewScene,
    RecordingStatus,
    StartRecording,
    decode_reply,
    decode_request,
    encode,
    encode_error,
    encode_result,
)
from data.errors import CellError, InvalidInput, StorageFull
from data.recording.sealing import RecoveredClip

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
        elapsed_s=1.4,
        longest_s=120.0,
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


START = StartRecording(task="lift-any", outcome="success", pair_id=None, by="ann")


@pytest.mark.parametrize("request_", [AskStatus(), NewScene(seed=3), START])
def test_requests_come_through(request_: object) -> None:
    assert decode_request(encode(request_)) == request_  # type: ignore[arg-type]


def test_results_come_through() -> None:
    assert decode_reply(encode_result(STATUS), CellStatus) == STATUS
    assert decode_reply(encode_result(None), type(None)) is None


def test_an_error_is_raised_again_as_what_it_was() -> None:
    sent = StorageFull("Full.", where="/data", valid=["a", "b"], next_step="Free some space.")
    with pytest.raises(StorageFull) as raised:
        decode_reply(encode_error(sent), str)
    assert str(raised.value) == str(sent)
    assert (raised.value.where, raised.value.valid) == ("/data", ("a", "b"))


def test_a_defect_of_the_host_is_told_as_such() -> None:
    with pytest.raises(CellError, match="ZeroDivisionError: by zero"):
        decode_reply(encode_error(ZeroDivisionError("by zero")), str)


def _start(**changed: object) -> bytes:
    return msgspec.json.encode(msgspec.to_builtins(START) | changed)


@pytest.mark.parametrize(
    "message",
    [
        b"", b"{}", b"[1]", b"\xff", b"null", b'"status"', b"1e999", b"[" * 100_000,
        b'{"command": "stat"}', b'{"command": "_seal"}', b'{"command": "close"}',
        b'{"command": ["status"]}', b'{"command": "status", "colour": "red"}',
        b'{"command": "status"}{"command": "status"}', b'{"command": "new_scene"}',
        b'{"command": "new_scene", "seed": "3"}', b'{"command": "new_scene", "seed": -1}',
        b'{"command": "new_scene", "seed": 1.5}',
        b'{"command": "new_scene", "seed": 99999999999999999999}',
        b'{"command": "drop_recovered", "recording_id": ["../x"]}',
        b'{"command": "drop_recovered", "recording_id": ""}',
        _start(task=["x"]), _start(task=None), _start(task=""), _start(task="x" * 300),
        _start(outcome="maybe"), _start(outcome=["success"]), _start(pair_id=7), _start(by=None),
        _start(by={}), _start(longest_s=0), _start(longest_s=-1), _start(longest_s="long"),
        _start(longest_s=1e9), _start(extra=1),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidInput, match="request to the cell host is not one"):
        decode_request(message)


@pytest.mark.parametrize(
    "message", [b"", b"nonsense", b"[]", b'{"result": {"robot": 1}}', b'{"error": {}}', b"\xff"]
)
def test_what_is_no_reply_is_told(message: bytes) -> None:
    with pytest.raises(CellError, match="cannot be read"):
        decode_reply(message, CellStatus)
