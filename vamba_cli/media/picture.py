"""One decoded frame to the RGB picture that a viewer would see: size, direction, colours."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray

from vamba_cli.media.tonemap import tone_map

Picture = NDArray[np.uint8]

HDR_TRANSFERS = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
# Measured on flat colours at 720p. At native size this takes the scaler's fast path: 0.3 ms, up to 3 levels off (on
# average 1); ACCURATE_RND would be within 1 for 7 ms. When resizing, full chroma is exact; without it white is 253.
_SCALING = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT
# Matrix coefficients (ITU-T H.273 table 4) that the scaler knows under the same numbers; 5 and 6 are both BT.601.
_KNOWN_MATRICES = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601,
                   7: Colorspace.SMPTE240M, 9: Colorspace.BT2020, 10: Colorspace.BT2020}  # fmt: skip
# Pixels this close to square are left alone: resampling would blur every frame for a shift that nobody sees.
_SQUARE_WITHIN = Fraction(1, 100)
_MOST_STRETCH = 8


@dataclass(frozen=True, slots=True)
class Orientation:
    """How to turn a stored picture: mirror left and right if so, then rotate clockwise."""

    mirrored: bool
    rotation_degrees: int

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self.rotation_degrees in (90, 270)


def orientation(frame: VideoFrame) -> Orientation | None:
    """What the container's display matrix asks for; None if it is no quarter turn."""
    try:
        side_data = list(cast(Iterable[SideData], frame.side_data))  # av's own annotation says str
    except ValueError:
        # av 18 cannot list side data that has a kind it does not know (EXIF, spatial video); the angle it can tell.
        turn = -frame.rotation % 360
        return Orientation(mirrored=False, rotation_degrees=turn) if turn % 90 == 0 else None
    stored = next((data for data in side_data if data.type == SideDataType.DISPLAYMATRIX), None)
    if stored is None:
        return Orientation(mirrored=False, rotation_degrees=0)
    matrix = np.frombuffer(bytes(stored), dtype=np.int32)[[0, 1, 3, 4]]
    a, b, c, d = (matrix / max(1, np.abs(matrix).max())).round().astype(int).tolist()
    # (x, y) goes to (a x + c y, b x + d y), y downwards (ISO/IEC 14496-12, 6.2.2). A negative determinant mirrors: then
    # the x axis was turned round before it was rotated to (a, b).
    mirrored = a * d - b * c < 0
    x_axis = (-a, -b) if mirrored else (a, b)
    turn = {(1, 0): 0, (0, 1): 90, (-1, 0): 180, (0, -1): 270}.get(x_axis, -1)
    return Orientation(mirrored, turn) if turn >= 0 and abs(a * d - b * c) == 1 else None


def displayed_size(width: int, height: int, pixel_aspect: Fraction | None, turn: Orientation) -> tuple[int, int]:
    """Stored size to the size on screen; an absurd pixel aspect is taken for a mistake."""
    if pixel_aspect and abs(pixel_aspect - 1) > _SQUARE_WITHIN and 1 / _MOST_STRETCH <= pixel_aspect <= _MOST_STRETCH:
        width = max(1, round(width * pixel_aspect))
    return (height, width) if turn.swaps_sides else (width, height)


class PictureMaker:
    """Turns frames into pictures of one size. It keeps one scaler: a new one for each frame leaks megabytes."""

    def __init__(self, width: int, height: int, turn: Orientation) -> None:
        self._turn = turn
        self._width, self._height = (height, width) if turn.swaps_sides else (width, height)
        self._scaler = VideoReformatter()

    def picture(self, frame: VideoFrame) -> Picture:
        """(height, width, 3) RGB in BT.709."""
        hdr = frame.color_trc in HDR_TRANSFERS
        picture: NDArray[Any] = self._scaled(frame, "rgb48le" if hdr else "rgb24").to_ndarray()
        if hdr:
            picture = tone_map(picture, hlg=frame.color_trc == ColorTrc.ARIB_STD_B67)
        if self._turn.mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, -self._turn.rotation_degrees // 90)

    def _scaled(self, frame: VideoFrame, pixel_format: str) -> VideoFrame:
        return self._scaler.reformat(
            frame,
            self._width,
            self._height,
            pixel_format,
            src_colorspace=_matrix(frame),
            interpolation=_SCALING,
            dst_color_range=ColorRange.JPEG,
        )


def _matrix(frame: VideoFrame) -> Colorspace | None:
    """How the frame's YUV was made. Untagged video is guessed as players do: large is BT.709, the rest BT.601."""
    if frame.format.is_rgb:
        return None
    guess = Colorspace.ITU709 if frame.width >= 1280 or frame.height > 576 else Colorspace.ITU601
    return _KNOWN_MATRICES.get(frame.colorspace, guess)
