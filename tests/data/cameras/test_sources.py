from pathlib import Path

import pytest

from data.cameras.sources import FOLDERS_VARIABLE, check_source, shown, video_folders
from data.errors import InvalidInput
from data.workspace import Workspace


@pytest.mark.parametrize(
    "source",
    [
        "0", "12", "/dev/video0", "/dev/v4l/by-id/usb-Maker_Camera_1234-video-index0",
        "/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0", "rtsp://camera/stream",
        "rtsps://ann:secret@10.0.0.7:322/h264?channel=1", "http://10.0.0.7/mjpeg",
        "https://camera.example/mjpeg", "/films/cell/a.avi",
    ],
)  # fmt: skip
def test_cameras_streams_and_videos_of_the_folders_may_be_opened(source: str) -> None:
    check_source(source, [Path("/films")])


@pytest.mark.parametrize(
    "source",
    [
        "", "-1", "1234", "/dev/mem", "/dev/video0/../mem", "/dev/v4l/by-id/../../sda",
        "/etc/passwd",
        "/films/../etc/passwd", "/filmsy/a.avi", "a.avi", "tcp://10.0.0.7:22", "udp://@239.0.0.1:1",
        "file:///etc/passwd", "concat:/etc/passwd", "data:text/plain,x", "pipe:0", "ftp://host/a",
        "subfile,,start,0,end,9,,:/etc/passwd", "rtsp:", "http://", "http:///etc/passwd",
        "gopher://x", "HTTP:x", "http://[::1", "v4l2:///dev/video0", "/films/a\0.avi",
    ],
)  # fmt: skip
def test_nothing_else_may_be_opened(source: str) -> None:
    with pytest.raises(InvalidInput, match="no source that may be opened"):
        check_source(source, [Path("/films")])


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "secret.avi").write_bytes(b"")
    (tmp_path / "films" / "link.avi").symlink_to(tmp_path / "secret.avi")
    with pytest.raises(InvalidInput):
        check_source(str(tmp_path / "films" / "link.avi"), [tmp_path / "films"])


def test_the_folders_are_the_workspaces_and_those_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDERS_VARIABLE, "/a:/b")
    assert video_folders(workspace) == (workspace.root / "videos", Path("/a"), Path("/b"))
    monkeypatch.delenv(FOLDERS_VARIABLE)
    assert video_folders(workspace) == (workspace.root / "videos",)


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("rtsp://ann:secret@camera/stream", "rtsp://***@camera/stream"),
        ("rtsp://ann@camera/stream", "rtsp://***@camera/stream"),
        ("rtsp://ann:a/b@camera/stream", "rtsp://***@camera/stream"),
        ("http://camera/at@sign", "http://***@sign"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_no_password_is_shown(source: str, seen: str) -> None:
    assert shown(source) == seen
