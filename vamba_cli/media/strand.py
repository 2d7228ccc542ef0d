"""One decoder at work on a video: pictures for runs of wanted moments, each run behind the one before."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from vamba_cli.media.cursor import Cursor
from vamba_cli.media.decode import Decoder, Shown, Threads
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.picture import Orientation, Picture, PictureMaker
from vamba_cli.media.plan import FramePlan


@dataclass(frozen=True, slots=True)
class Found:
    """The picture for one wanted moment."""

    picture: Picture
    time_seconds: float
    stands_in: bool  # for a lost one


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a decoder met so far; each bad frame is one entry, equal where another decoder met the same."""

    bad: frozenset[object] = frozenset()
    num_decoded_frames: int = 0
    problems: tuple[str, ...] = ()
    last_bad_reason: str = ""


class Strand:
    """One decoder with its position in the video, and a scaler."""

    def __init__(self, info: VideoInfo, plan: FramePlan, threads: Threads) -> None:
        self.decoder = Decoder(info, keyframes_only=plan.strategy == "keyframes", threads=threads)
        try:
            ticks_per_second = float(self.decoder.ticks_per_second)
            self.moments = [_nearest_tick(seconds, ticks_per_second) for seconds in plan.times_seconds]
            self.decoder.want(self.moments)
            self._cursor = Cursor(self.decoder, info, seeking=plan.strategy == "seek")
            self._maker = PictureMaker(plan.width, plan.height, Orientation(info.mirrored, info.rotation_degrees))
        except BaseException:
            self.decoder.close()
            raise
        self._last: tuple[Shown, Picture] | None = None

    @property
    def remarks(self) -> Remarks:
        decoder = self.decoder
        return Remarks(
            frozenset(decoder.bad), decoder.num_decoded_frames, tuple(decoder.problems), decoder.last_bad_reason
        )

    def find(self, wanted: range) -> Iterator[Found]:
        """Pictures for the moments with these numbers, until the video ends. A frame becomes a picture only once."""
        for index in wanted:
            found = self._cursor.at(self.moments[index])
            if found is None or self.decoder.stopped or found[0].frame is None:
                return
            shown, stands_in = found
            if self._last is None or self._last[0] is not shown:
                self._last = shown, self._maker.picture(found[0].frame)
            yield Found(self._last[1], float(shown.start / self.decoder.ticks_per_second), stands_in)

    def runs(self) -> list[range]:
        """The numbers of the wanted moments, split where the key frame before them is another one."""
        keyframe: int | None = None

        def keyframe_of(index: int) -> int | None:
            nonlocal keyframe
            found = self.decoder.keyframe_before(self.moments[index])
            keyframe = keyframe if found is None else found
            return keyframe

        groups = [list(group) for _, group in groupby(range(len(self.moments)), keyframe_of)]
        return [range(group[0], group[-1] + 1) for group in groups]

    def stop(self) -> None:
        """From another thread: end the search soon."""
        self.decoder.stopped = True

    def close(self) -> None:
        self.decoder.close()


def _nearest_tick(time_seconds: float, ticks_per_second: float) -> int:
    """The last tick that is not after a moment.

    Containers round frame times to their tick, up or down: hence half a tick of grace. Where a tick is as long as a
    frame (AVI) nothing was rounded, so never more than half a millisecond.
    """
    return int(time_seconds * ticks_per_second + min(0.5, 5e-4 * ticks_per_second) + 1e-6)
