"""From one moment of a video to the next: decode on, or seek."""

from vamba_cli.media.decode import Decoder, Shown
from vamba_cli.media.info import VideoInfo


class Cursor:
    """Goes through a video to the frame that is on screen at each of a rising series of moments."""

    # So many useless seeks prove that the container cannot seek properly; the rest is decoded in one pass.
    _MAX_USELESS_SEEKS = 3
    # A seek throws away what decoder threads work on already: a key frame just ahead is reached sooner without.
    _MIN_SEEK_FRAMES = 8
    # Recorders drop a frame now and then; more in a row are a hole that damage tore.
    _MIN_HOLE_FRAMES = 10

    def __init__(self, decoder: Decoder, info: VideoInfo, *, seeking: bool) -> None:
        self._decoder = decoder
        self._seeking = seeking
        self._gop = round(info.keyframe_seconds * decoder.ticks_per_second)
        self._min_seek = round(self._MIN_SEEK_FRAMES / info.frame_rate * decoder.ticks_per_second)
        self._can_seek = info.seekable
        self._steady = not info.variable_frame_rate and not decoder.keyframes_only
        self._num_useless_seeks = 0
        self._current: Shown | None = None
        self._frames = decoder.frames()
        self._next: Shown | None = None
        self._started = False
        self._given: int | None = None  # start of the frame that was given last

    def at(self, moment: int) -> tuple[Shown, bool] | None:
        """The frame on screen, and whether it only stands in for a lost one; None once the pictures have ended."""
        if self._should_seek(moment):
            self._seek(moment)
        elif not self._started:
            self._restart()
        self._advance(moment)
        if self._decoder.doubtful:
            self._again(moment)
        shown = self._current or self._next
        if shown is None:
            return None
        if self._next is None and moment >= max(shown.end, self._decoder.read_until) + self._decoder.interval:
            return None
        self._given = shown.start
        return shown, shown.start > moment or self._in_gap(shown, moment)

    def _advance(self, moment: int) -> None:
        while self._next is not None and self._next.start <= moment:
            if self._next.frame is not None:
                self._current = self._next
            self._next = next(self._frames, None)

    def _again(self, moment: int) -> None:
        """From the frame given last, or from the moment if there is none, but now without leaving frames out."""
        self._decoder.want(())
        self._decoder.bad.clear()  # the first of them led here, and they are met again
        if self._can_seek:
            self._seek(moment if self._given is None else min(moment, self._given))
        else:
            self._rewind()
        self._advance(moment)

    def _in_gap(self, shown: Shown, moment: int) -> bool:
        """Whether the picture of this moment was lost: not decodable, or missing from an otherwise steady row."""
        gap_start = self._decoder.tail_gap_start if self._next is None else self._next.gap_start
        if gap_start is not None and gap_start <= moment:
            return True
        hole = 0
        if self._next is not None:
            left_out = self._next.left_out_start
            hole = (self._next.start if left_out is None else left_out) - shown.end
        return self._steady and moment >= shown.end and hole > self._MIN_HOLE_FRAMES * self._decoder.interval

    def _should_seek(self, moment: int) -> bool:
        if not self._can_seek or (self._started and not self._seeking):
            return False
        position = self._next.start if self._next is not None else 0
        if self._started and self._next is None:
            return False  # at the end already
        keyframe = self._decoder.keyframe_before(moment)
        if keyframe is not None:
            return keyframe - position > self._min_seek
        return moment - position > max(self._gop / 2, self._min_seek)

    def _restart(self) -> None:
        self._started = True
        self._frames.close()  # else the old run, when collected later, would reset the read timeout of the new one
        self._frames = self._decoder.frames()
        self._current, self._next = None, next(self._frames, None)

    def _rewind(self) -> None:
        self._frames.close()
        self._decoder.rewind()
        self._restart()

    def _seek(self, moment: int) -> None:
        """Seek so that the first frame decoded is not beyond the moment, going further back until it is so."""
        useful_from = self._next.start - self._gop if self._next is not None else 0
        back = 0
        while (target := moment - back) > 0 and self._decoder.seek(target):
            self._restart()
            if self._next is not None and self._next.start <= moment:
                break
            back = max(self._gop, 2 * back)
        else:
            self._rewind()
        if self._next is None or self._next.start < useful_from or back > self._gop:
            self._num_useless_seeks += 1
            self._can_seek = self._num_useless_seeks < self._MAX_USELESS_SEEKS
