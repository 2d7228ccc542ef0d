"""What H.264 packets say of themselves before they are decoded (ITU-T H.264, chapter 7). Pure."""

from enum import Enum

_IDR_SLICE, _SEI, _SPS, _DELIMITER, _FILLER = 5, 6, 7, 9, 12
_PARTS_OF_PICTURES = range(1, 6)
_REFERENCE = 0b0110_0000  # nal_ref_idc in the first byte of a NAL unit
_WITH_CHROMA_FORMAT = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)


class Kind(Enum):
    """How other pictures depend on the one in a packet."""

    RESTART = "nothing after it refers to anything before it"
    ALONE = "no other picture refers to it"
    OTHER = "others may refer to it"


class H264Packets:
    """Reads the heads of the NAL units in packets of MP4, Matroska and the like.

    A picture with `nal_ref_idc` 0 is never referred to (7.4.1), and leaving it out changes no number from which the
    others are decoded: `frame_num` and picture order count go from one reference picture to the next (7.4.3, 8.2.1).
    """

    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes
        self._only_frames = True

    def kind(self, packet: memoryview) -> Kind:
        """What a packet, one whole picture, holds; `OTHER` also if it cannot be told."""
        position, end, step = 0, len(packet), self._length_bytes
        alone = needed = False
        while position + step < end:
            start = position + step
            head, position = packet[start], start + int.from_bytes(packet[position:start], "big")
            unit = head & 31
            if unit in _PARTS_OF_PICTURES:
                if head & _REFERENCE or not self._only_frames:
                    return Kind.RESTART if unit == _IDR_SLICE and self._only_frames else Kind.OTHER
                alone = True
            elif unit == _SPS:
                self._only_frames = _only_frames(packet[start:position])
            elif unit not in (_SEI, _DELIMITER, _FILLER):
                needed = True  # parameters for later pictures, or something unknown
        return Kind.ALONE if alone and not needed and position == end else Kind.OTHER


def h264_packets(codec: str, extradata: bytes | None) -> H264Packets | None:
    """A reader for a stream with this configuration record (ISO/IEC 14496-15, 5.3.3.1).

    None if packets are laid out otherwise, or may be fields: half of a picture can have packets of its own.
    """
    if codec != "h264" or extradata is None or len(extradata) < 7 or extradata[0] != 1:
        return None
    position = 6
    for _ in range(extradata[5] & 31):
        size = int.from_bytes(extradata[position : position + 2], "big")
        if not _only_frames(memoryview(extradata)[position + 2 : position + 2 + size]):
            return None
        position += 2 + size
    return H264Packets((extradata[4] & 3) + 1) if extradata[5] & 31 else None


class _Bits:
    """Reads a NAL unit bit by bit, without the bytes that only prevent start codes (7.3.1)."""

    def __init__(self, unit: bytes) -> None:
        payload = unit.replace(b"\0\0\3", b"\0\0")
        self._bits = "".join(f"{byte:08b}" for byte in payload)
        self._position = 0

    def take(self, num_bits: int) -> int:
        taken = self._bits[self._position : self._position + num_bits]
        self._position += num_bits
        if len(taken) < num_bits:
            raise ValueError("the unit ends too early")
        return int(taken, 2)

    def unsigned(self) -> int:
        """Exp-Golomb (9.1)."""
        zeros = self._bits.index("1", self._position) - self._position
        self._position += zeros
        return self.take(zeros + 1) - 1

    def signed(self) -> int:
        code = self.unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _only_frames(unit: memoryview) -> bool:
    """`frame_mbs_only_flag` of a sequence parameter set (7.3.2.1.1); False if it cannot be read."""
    bits = _Bits(bytes(unit[1:200]))
    try:
        profile = bits.take(8)
        bits.take(16)
        bits.unsigned()
        if profile in _WITH_CHROMA_FORMAT:
            _skip_chroma_format(bits)
        bits.unsigned()
        order_type = bits.unsigned()
        if order_type == 0:
            bits.unsigned()
        elif order_type == 1:
            bits.take(1)
            bits.signed()
            bits.signed()
            for _ in range(bits.unsigned()):
                bits.signed()
        bits.unsigned()
        bits.take(1)
        bits.unsigned()
        bits.unsigned()
        return bool(bits.take(1))
    except ValueError:
        return False


def _skip_chroma_format(bits: _Bits) -> None:
    chroma_format = bits.unsigned()
    if chroma_format == 3:
        bits.take(1)
    bits.unsigned()
    bits.unsigned()
    bits.take(1)
    if bits.take(1):
        for index in range(12 if chroma_format == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last
