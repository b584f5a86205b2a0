from app.camera_test import judge_times, watch_cell
from data.episodes.frames import CAMERAS, EncodedFrameSet

MS = 1_000_000


def _times(intervals_ms: list[float], *, right_late_ms: float = 0.0) -> list[dict[str, int]]:
    at, times = 0.0, []
    for interval in (0.0, *intervals_ms):
        at += interval
        times.append(
            {camera: int((at + right_late_ms * (camera == "right")) * MS) for camera in CAMERAS}
        )
    return times


def test_a_steady_cell_is_good() -> None:
    verdict = judge_times(_times([200.0] * 100))
    assert verdict.good
    assert verdict.sentences == (
        "The cameras are good to record with.",
        "101 pictures of each camera, one every 200 ms at the median; 200 ms is wanted.",
    )


def test_lost_late_and_skewed_pictures_are_said_in_words() -> None:
    verdict = judge_times(_times([200.0] * 40 + [1000.0] + [200.0] * 40, right_late_ms=150))
    assert not verdict.good
    text = " ".join(verdict.sentences)
    assert "do not keep their rate" in text
    assert "4 pictures of 86 did not come in time" in text
    assert "right by 150 ms" in text


def test_silence_is_no_verdict_on_the_rate() -> None:
    assert "hardly a picture" in judge_times(_times([])).sentences[0]


def test_a_cell_is_watched_until_the_time_is_over() -> None:
    class Steady:
        now_s = 0.0

        def latest(self, *, timeout_s: float) -> EncodedFrameSet:
            self.now_s += 0.2
            stamp = int(self.now_s * 1e9)
            return EncodedFrameSet(jpegs={}, timestamps_ns=dict.fromkeys(CAMERAS, stamp))

    cell = Steady()
    shares: list[float] = []
    verdict = watch_cell(
        cell,  # type: ignore[arg-type]
        seconds=2.0,
        progress=shares.append,
        clock=lambda: cell.now_s,
    )
    assert verdict.good
    assert len(shares) >= 9 and shares == sorted(shares)
