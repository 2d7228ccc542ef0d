"""Colours are those that the standards give, computed here once more from their formulas."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from numpy.typing import NDArray

from tests.media.reading import read
from vamba_cli.media.picture import Orientation, PictureMaker
from vamba_cli.media.plan import Sampling
from vamba_cli.media.tonemap import tone_map

# Kr and Kb of BT.601, BT.709 and BT.2020, with their number in H.273.
MATRICES = {"601": (0.299, 0.114, 6), "709": (0.2126, 0.0722, 1), "2020": (0.2627, 0.0593, 9)}
BARS = np.array(
    [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [19, 19, 19],
     [255, 255, 255], [0, 0, 0], [128, 128, 128], [10, 200, 90], [250, 120, 30], [60, 30, 200], [255, 0, 0],
     [0, 255, 0]],
    dtype=np.uint8,
)  # fmt: skip
LEVELS = 3
UPRIGHT = Orientation(mirrored=False, rotation_degrees=0)


def yuv(rgb: NDArray[np.uint8], matrix: str, *, full: bool, bits: int) -> NDArray[np.uint16]:
    """Y'CbCr codes of 8-bit R'G'B'."""
    kr, kb, _ = MATRICES[matrix]
    red, green, blue = np.moveaxis(rgb / 255, -1, 0)
    y = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - y) / (2 - 2 * kb), (red - y) / (2 - 2 * kr)
    if full:
        top = 2**bits - 1
        codes = np.stack([y * top, cb * top + 2 ** (bits - 1), cr * top + 2 ** (bits - 1)], -1).clip(0, top)
    else:
        codes = np.stack([16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr], -1) * 2 ** (bits - 8)
    return np.rint(codes).astype(np.uint16)


def bars_frame(
    pixel_format: str, matrix: str, *, tagged: bool = True, full: bool = False, width: int = 640, height: int = 64
) -> av.VideoFrame:
    """Flat bars."""
    bits = 10 if "10" in pixel_format else 8
    codes = yuv(BARS, matrix, full=full, bits=bits)[np.arange(width) * len(BARS) // width]
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, channel in zip(frame.planes, codes.T, strict=True):
        row = channel[:: width // plane.width]
        data = np.zeros((plane.height, plane.line_size // (2 if bits > 8 else 1)), np.uint16 if bits > 8 else np.uint8)
        data[:, : plane.width] = row[: plane.width]
        plane.update(data.tobytes())
    frame.colorspace = MATRICES[matrix][2] if tagged else 2
    frame.color_range = 2 if full else 1
    return frame


def middles(picture: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The colour in the middle of each bar."""
    height, width = picture.shape[:2]
    return picture[height // 2, (2 * np.arange(len(BARS)) + 1) * width // (2 * len(BARS))].astype(np.int64)


@pytest.mark.parametrize("size", [(640, 64), (320, 96)])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_bars(matrix: str, pixel_format: str, full: bool, size: tuple[int, int]) -> None:
    picture = PictureMaker(*size, UPRIGHT).picture(bars_frame(pixel_format, matrix, full=full))
    assert np.abs(middles(picture) - BARS).max() <= LEVELS


@pytest.mark.parametrize(("height", "matrix"), [(480, "601"), (576, "601"), (720, "709"), (1080, "709")])
def test_untagged_video_is_taken_for_what_its_size_suggests(height: int, matrix: str) -> None:
    frame = bars_frame("yuv420p", matrix, tagged=False, height=height)
    assert np.abs(middles(PictureMaker(640, height, UPRIGHT).picture(frame)) - BARS).max() <= LEVELS


def test_the_wrong_matrix_would_be_seen() -> None:
    frame = bars_frame("yuv420p", "601")
    frame.colorspace = MATRICES["709"][2]
    assert np.abs(middles(PictureMaker(640, 64, UPRIGHT).picture(frame)) - BARS).max() > 3 * LEVELS


@pytest.mark.parametrize("tag", [0, 8, 14])
def test_impossible_tags_do_no_harm(tag: int) -> None:
    """RGB, YCgCo or ICtCp claimed of a plain YUV frame."""
    frame = bars_frame("yuv420p", "601")
    frame.colorspace = tag
    assert np.abs(middles(PictureMaker(640, 64, UPRIGHT).picture(frame)) - BARS).max() <= LEVELS


@pytest.mark.parametrize("matrix", ["601", "709"])
def test_bars_through_a_file(matrix: str, tmp_path: Path) -> None:
    path = tmp_path / "bars.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 64, "yuv420p"
        stream.colorspace, stream.color_range = MATRICES[matrix][2], 1
        for index in range(4):
            frame = bars_frame("yuv420p", matrix)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    for picture in read(path, Sampling(fps=25)).frames:
        assert np.abs(middles(picture) - BARS).max() <= LEVELS


def pq(nits: NDArray[np.float64] | float) -> NDArray[np.uint16]:
    """Light to 16-bit code, SMPTE ST 2084."""
    power = (np.asarray(nits) / 10_000) ** 0.1593017578125
    code = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return np.rint(65535 * code).astype(np.uint16)


def hlg(scene: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Scene light (0 to 1) to 16-bit code, BT.2100."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    code = np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)
    return np.rint(65535 * code).astype(np.uint16)


def sdr_in_2020(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Standard-range colours as light in nits with white at 203, in BT.2020 primaries (BT.2087 for the matrix)."""
    light = 203 * (codes / 255) ** 2.4
    to_2020 = np.array([[0.627404, 0.329283, 0.043313], [0.069097, 0.919540, 0.011362], [0.016391, 0.088013, 0.895595]])
    converted: NDArray[np.float64] = light @ to_2020.T
    return converted


def gray(codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    return tone_map(np.repeat(codes.reshape(1, -1, 1), 3, axis=2), hlg=False)[0, :, 0]


def test_hdr_colours_below_the_knee_are_those_of_standard_range() -> None:
    dim = (BARS * 0.65).astype(np.uint8)
    result = tone_map(pq(sdr_in_2020(dim))[None], hlg=False)[0].astype(int)
    assert np.abs(result - dim).max() <= LEVELS


def test_hdr_white_is_bright_and_highlights_still_differ() -> None:
    white, bright, brighter, peak, beyond = gray(pq(np.array([203.0, 400, 700, 1000, 4000])))
    assert 225 <= white <= 240
    assert white < bright < brighter <= peak == beyond == 255


def test_hdr_keeps_the_order_of_brightness_and_black() -> None:
    ramp = gray(np.linspace(0, 65535, 3000).astype(np.uint16)).astype(int)
    assert ramp[0] == 0
    assert (np.diff(ramp) >= 0).all()
    assert np.diff(ramp).max() <= 2, "no banding"


def test_hdr_is_not_washed_out() -> None:
    codes = pq(sdr_in_2020(BARS))
    taken_for_standard = (codes >> 8).astype(float)
    assert tone_map(codes[None], hlg=False).std() > 1.5 * taken_for_standard.std()


def test_hlg_and_pq_agree() -> None:
    """BT.2408: 75 % HLG is 203 nits on its nominal display of 1000, whose gamma is 1.2."""
    nits = np.array([1.0, 10, 50, 100, 203, 500, 1000])
    scene = (nits / 1000) ** (1 / 1.2)
    assert hlg(scene)[4] == pytest.approx(0.75 * 65535, rel=0.01)
    from_hlg = tone_map(np.repeat(hlg(scene)[None, :, None], 3, 2), hlg=True)[0, :, 0].astype(int)
    assert np.abs(from_hlg - gray(pq(nits))).max() <= 2


@pytest.mark.parametrize(("transfer", "name"), [(16, "smpte2084"), (18, "arib-std-b67")])
def test_hdr_through_a_file(transfer: int, name: str, tmp_path: Path) -> None:
    nits = np.array([0.0, 5, 20, 60, 203, 1000])
    codes = pq(nits) if transfer == 16 else hlg((nits / 1000) ** (1 / 1.2))
    path = tmp_path / "hdr.mp4"
    with av.open(str(path), "w") as container:
        tags = f"colorprim=bt2020:transfer={name}:colormatrix=bt2020nc:range=limited"
        stream = container.add_stream("libx265", rate=25, options={"x265-params": f"log-level=none:qp=1:{tags}"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 384, 64, "yuv420p10le"
        row = np.repeat(codes, 64) / 65535
        for index in range(4):
            frame = av.VideoFrame(384, 64, "yuv420p10le")
            luma = np.zeros((64, frame.planes[0].line_size // 2), np.uint16)
            luma[:, :384] = np.rint(64 + 876 * row)
            frame.planes[0].update(luma.tobytes())
            for plane in list(frame.planes)[1:]:
                plane.update(np.full((plane.height, plane.line_size // 2), 512, np.uint16).tobytes())
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    reading = read(path, Sampling(fps=25))
    assert reading.info.hdr
    assert np.abs(reading.frames[1][32, 32::64].astype(int) - gray(pq(nits))[:, None]).max() <= LEVELS
