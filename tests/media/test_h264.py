"""Packets are told apart by their heads; what decoders find in them is the witness."""

import av
import pytest
from av.video.frame import PictureType

from tests.media.conftest import Make
from tests.media.synthetic import Recipe, constant
from vamba_cli.media.h264 import H264Packets, Kind, h264_packets

VARIANTS = {
    "baseline": {"profile": "baseline", "preset": "medium"},
    "main": {"profile": "main"},
    "scaling lists": {"x264-params": "cqm=jvt:8x8dct=1:scenecut=0"},
    "own scaling lists": {"x264-params": "cqm4=6,13,20,28,13,20,28,32,20,28,32,37,28,32,37,42:scenecut=0"},
    "unnumbered order": {"x264-params": "bframes=0:scenecut=0"},
    "colour tags": {"x264-params": "colorprim=bt709:transfer=bt709:fullrange=on:scenecut=0"},
    "no pyramid": {"x264-params": "b-pyramid=none:scenecut=0"},
}


def recipe(options: dict[str, str], pixel_format: str = "yuv420p") -> Recipe:
    return Recipe(constant(60), num_b_frames=3, gop=20, options=options, pixel_format=pixel_format)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv422p10le"])
@pytest.mark.parametrize("name", VARIANTS)
def test_kinds_of_packets(name: str, pixel_format: str, make: Make) -> None:
    if pixel_format != "yuv420p" and "profile" in VARIANTS[name]:
        pytest.skip("not in this profile")
    with av.open(str(make(recipe(VARIANTS[name], pixel_format)))) as container:
        stream = container.streams.video[0]
        packets = h264_packets("h264", stream.codec_context.extradata)
        assert packets is not None
        all_packets = [packet for packet in container.demux(stream) if packet.size]
        kinds = {packet.pts: packets.kind(memoryview(packet)) for packet in all_packets}
        types = {frame.pts: frame.pict_type for packet in [*all_packets, None]
                 for frame in stream.codec_context.decode(packet)}  # fmt: skip
    assert {kinds[pts] for pts, kind in types.items() if kind == PictureType.I} == {Kind.RESTART}
    assert {kinds[pts] for pts, kind in types.items() if kind == PictureType.P} == {Kind.OTHER}
    with_b_frames = name not in ("baseline", "unnumbered order")
    assert (Kind.ALONE in kinds.values()) == with_b_frames
    b_frames = [kinds[pts] for pts, kind in types.items() if kind == PictureType.B]
    assert b_frames.count(Kind.ALONE) > len(b_frames) / 2 or not with_b_frames


def test_fields_are_not_for_us(make: Make) -> None:
    with av.open(str(make(recipe({"x264-params": "interlaced=1:scenecut=0"})))) as container:
        assert h264_packets("h264", container.streams.video[0].codec_context.extradata) is None


@pytest.mark.parametrize("extradata", [None, b"", b"\1", b"\0\0\0\1\x67\x64\0\x1f", b"\1d\0\x1f\xff\xe1\0\x05gd"])
def test_what_is_laid_out_otherwise(extradata: bytes | None) -> None:
    assert h264_packets("h264", extradata) is None


def test_other_codecs(make: Make) -> None:
    with av.open(str(make(recipe({})))) as container:
        extradata = container.streams.video[0].codec_context.extradata
    assert h264_packets("h264", extradata) is not None
    assert h264_packets("hevc", extradata) is None


def unit(*payload: int) -> bytes:
    return len(payload).to_bytes(4, "big") + bytes(payload)


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (unit(0x01, 9), Kind.ALONE),
        (unit(0x06, 5, 1) + unit(0x01, 9) + unit(0x01, 9), Kind.ALONE),
        (unit(0x21, 9), Kind.OTHER),
        (unit(0x01, 9) + unit(0x21, 9), Kind.OTHER),  # of two slices one is referred to
        (unit(0x68, 9) + unit(0x01, 9), Kind.OTHER),  # carries parameters
        (unit(0x65, 9), Kind.RESTART),
        (unit(0x68, 9) + unit(0x65, 9), Kind.RESTART),
        (unit(0x01, 9)[:-1], Kind.OTHER),  # cut off
        (unit(0x01, 9) + b"\0", Kind.OTHER),
        (unit(0x06, 5), Kind.OTHER),
        (b"", Kind.OTHER),
        (bytes(12), Kind.OTHER),
        (unit(0x67, 0x64) + unit(0x65, 9), Kind.OTHER),  # new parameters that cannot be read
    ],
)
def test_heads_of_units(packet: bytes, kind: Kind) -> None:
    assert H264Packets(4).kind(memoryview(packet)) == kind


def test_after_parameters_for_fields_nothing_is_certain() -> None:
    packets = H264Packets(4)
    packets.kind(memoryview(unit(0x67, 0x64) + unit(0x65, 9)))
    assert packets.kind(memoryview(unit(0x01, 9))) == Kind.OTHER
