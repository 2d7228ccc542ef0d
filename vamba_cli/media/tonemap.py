"""High dynamic range (PQ, HLG) to the standard range that image models know. Pure numpy.

Display light by ITU-R BT.2100, compressed by the curve of BT.2390, its white placed by BT.2408, wide to normal
colours by BT.2087, coded for the standard display of BT.1886. The curve acts on the largest of R, G and B and scales
all three alike: hue and saturation stay. Taken for standard codes as they are, the picture would be washed out.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# BT.2100 table 4: the PQ system.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_PQ_PEAK_NITS = 10_000.0
# BT.2100 table 5: the HLG system, and its gamma for a display of 1000 cd/m2.
_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA = 1.2
# Most films are graded for a peak of 1000 cd/m2, and HLG's nominal display has it. What is brighter is cut.
_PEAK_NITS = 1000.0
# BT.2408: the brightness of white paper, which standard range shows as its maximum.
_WHITE_NITS = 203.0
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], dtype=np.float32)
# BT.2087: linear BT.2020 primaries to BT.709.
_TO_709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008350], [-0.018151, -0.100579, 1.118730]],
    dtype=np.float32,
)
_DISPLAY_GAMMA = 2.4  # BT.1886
# Tables over a linear value are indexed by its square root: as fine near black as the eye is.
_TABLE_SIZE = 1 << 16


def tone_map(codes: NDArray[np.uint16], *, hlg: bool) -> NDArray[np.uint8]:
    """(height, width, 3) full-range R'G'B' in BT.2020 with PQ or HLG coding -> 8-bit R'G'B' in BT.709."""
    light = _hlg_light(codes) if hlg else np.take(_pq_table(), codes)
    peak = light.max(axis=-1)
    light *= np.take(_gain_table(), _table_index(peak))[..., None]
    return np.take(_code_table(), _table_index(light @ _TO_709.T))


def _table_index(values: Floats) -> NDArray[np.uint16]:
    """Rows of a table over [0, 1]; values outside it, such as colours that BT.709 cannot show, are cut."""
    roots = np.sqrt(np.clip(values, 0, 1, out=values))
    return (roots * (_TABLE_SIZE - 1) + 0.5).astype(np.uint16)


def _hlg_light(codes: NDArray[np.uint16]) -> Floats:
    """Display light as a fraction of the peak: scene light with the system gamma on its luminance (BT.2100)."""
    scene = np.take(_hlg_table(), codes)
    luminance: Floats = scene @ _LUMA_2020
    light: Floats = scene * np.power(luminance, np.float32(_HLG_GAMMA - 1))[..., None]
    return light


@cache
def _pq_table() -> Floats:
    """16-bit PQ code -> display light as a fraction of the peak."""
    light = _pq_decode(np.linspace(0, 1, 1 << 16)) / _PEAK_NITS
    return light.astype(np.float32)


@cache
def _hlg_table() -> Floats:
    """16-bit HLG code -> scene light, 0 to 1."""
    codes = np.linspace(0, 1, 1 << 16)
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - _HLG_C) / _HLG_A) + _HLG_B) / 12)
    return scene.astype(np.float32)


@cache
def _gain_table() -> Floats:
    """Largest component (fraction of the peak) -> what to multiply by, so that 1 comes to mean standard white."""
    nits = np.linspace(0, 1, _TABLE_SIZE) ** 2 * _PEAK_NITS
    nits[0] = nits[1]
    return (_compress(nits) / _WHITE_NITS / (nits / _PEAK_NITS)).astype(np.float32)


@cache
def _code_table() -> NDArray[np.uint8]:
    """Linear light -> 8-bit code."""
    light = np.linspace(0, 1, _TABLE_SIZE) ** 2
    return np.rint(255 * light ** (1 / _DISPLAY_GAMMA)).astype(np.uint8)


def _compress(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2390 section 5.4.1: identity up to a knee, then a Hermite spline in PQ space to the target's maximum."""
    source_peak = _pq_encode(np.float64(_PEAK_NITS))
    target = _pq_encode(np.float64(_WHITE_NITS)) / source_peak
    knee = 1.5 * target - 0.5
    code = np.minimum(_pq_encode(nits) / source_peak, 1)
    t = np.clip((code - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * target
    return _pq_decode(np.where(code < knee, code, spline) * source_peak)


def _pq_decode(code: NDArray[np.float64]) -> NDArray[np.float64]:
    power = code ** (1 / _M2)
    return _PQ_PEAK_NITS * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _pq_encode(nits: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    power = np.asarray(nits / _PQ_PEAK_NITS) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
