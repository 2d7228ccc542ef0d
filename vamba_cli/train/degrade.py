"""What a camera, an encoder and a download do to a slide before anyone sees it."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageEnhance, ImageFilter

# Sharper filters cost more time. Bicubic is what the product makes of a video with 1280 x 720 pixels.
_DOWN = {
    Image.Resampling.BOX: 3,
    Image.Resampling.BILINEAR: 3,
    Image.Resampling.BICUBIC: 4,
    Image.Resampling.LANCZOS: 1,
}
_LARGE_JPEG_SHARE = 0.15  # of the pictures are compressed at the size they were drawn, as a large video is
_UP = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
_MIN_WIDTH = 280


def degrade(image: Image.Image, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """The canvas at its final size (width, height), sharpness, contrast and JPEG quality."""
    small = size
    if image.size != size and rng.random() < _LARGE_JPEG_SHARE:
        image = jpeg(image, int(rng.triangular(25, 90, 55)))
    if rng.random() < 0.2:
        # A video of fewer pixels, scaled up by the player; below three quarters small text would be lost.
        share = rng.uniform(0.55, 0.75) if rng.random() < 0.15 else rng.uniform(0.75, 1)
        share = max(share, _MIN_WIDTH / size[0])
        small = (round(size[0] * share), round(size[1] * share))
    if image.size != small:
        kernel = rng.choices(tuple(_DOWN), tuple(_DOWN.values()))[0]
        is_half = kernel == Image.Resampling.BOX and image.size == (2 * small[0], 2 * small[1])
        image = image.reduce(2) if is_half else image.resize(small, kernel)
    if small != size:
        image = image.resize(size, rng.choice(_UP))
    if rng.random() < 0.12:
        image = image.filter(ImageFilter.BoxBlur(rng.uniform(0.2, 0.6)))
    if rng.random() < 0.1:
        image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.6, 0.9))
    if rng.random() < 0.7:
        image = jpeg(image, int(rng.triangular(30, 95, 75)))
    return image


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """The image after JPEG compression, quality 1 to 95."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")
