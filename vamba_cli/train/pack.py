"""All that a training run draws from, in one small folder for a machine that must be sent everything.

    python -m vamba_cli.train.pack .train --pages ../shared/slides
    python -m vamba_cli.train --fonts .train/fonts --pages .train/pages ...

needs Debian's apt-get, apt-cache and dpkg-deb, npm for the faces that Debian lacks (left out without it), and
fonttools. Nothing is installed: packages are unpacked into a temporary folder. What is there already stays.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from vamba_cli.train import fonts, pages, word_list

WORD_PACKAGES = ("wamerican", "wngerman", "wfrench", "wspanish")
PHOTO_PACKAGES = ("mate-backgrounds", "gnome-backgrounds", "lomiri-wallpapers")

_PHOTO_SIZE = (760, 760)
_PHOTO_QUALITY = 60
_MOST_PHOTOS = 64
_SMALLEST_PHOTO_BYTES = 60_000  # below are icons and plain gradients


def pack(out: Path, slides: Path | None) -> None:
    """Fill `out` with fonts, words, photographs and, from a folder of slides, pages."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if not (out / "fonts").is_dir():
            unpack_debian(fonts.DEBIAN_PACKAGES, root)
            unpack_npm(fonts.NPM_PACKAGES, root / "npm")
            fonts.collect(out / "fonts", [root])
        if not (out / "fonts" / "words.txt.gz").is_file():
            unpack_debian(WORD_PACKAGES, root)
            word_list.build(out / "fonts" / "words.txt.gz", root / "usr/share/dict")
        if not (out / "fonts" / "photos").is_dir():
            unpack_debian(PHOTO_PACKAGES, root)
            shrink_photos(root / "usr/share/backgrounds", out / "fonts" / "photos")
    if slides is not None and not (out / "pages").is_dir():
        pages.pack(slides, out / "pages")


def unpack_debian(packages: Sequence[str], root: Path) -> None:
    """Download and unpack packages below a folder; one that the distribution lacks is named and left out."""
    for package in packages:
        done = subprocess.run(["apt-get", "download", package], cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"left out {package}: {done.stderr.strip().splitlines()[-1]}")
    for archive in root.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True)
        archive.unlink()


def unpack_npm(packages: Sequence[str], folder: Path) -> None:
    """Download and unpack npm packages, each into a folder of its own."""
    if shutil.which("npm") is None:
        print(f"no npm: left out {' '.join(packages)}")
        return
    for package in packages:
        target = folder / package.rpartition("/")[2]
        target.mkdir(parents=True)
        done = subprocess.run(["npm", "pack", package], cwd=target, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"left out {package}: {done.stderr.strip().splitlines()[-1]}")
            continue
        for archive in target.glob("*.tgz"):
            subprocess.run(["tar", "xf", archive.name], cwd=target, check=True)


def shrink_photos(source: Path, out: Path) -> None:
    """Photographs at about the size at which slides show them."""
    out.mkdir(parents=True)
    found = (path for path in sorted(source.rglob("*")) if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})
    large = [path for path in found if path.is_file() and path.stat().st_size > _SMALLEST_PHOTO_BYTES]
    for number, path in enumerate(large[:_MOST_PHOTOS]):
        image = Image.open(path).convert("RGB")
        image.thumbnail(_PHOTO_SIZE, Image.Resampling.LANCZOS)
        image.save(out / f"{number:02d}.webp", "WEBP", quality=_PHOTO_QUALITY, method=6)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m vamba_cli.train.pack", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", type=Path, help="folder of slides with pages.jsonl")
    args = parser.parse_args()
    pack(args.out, args.pages)
    for part in sorted(args.out.iterdir()):
        files = [path for path in part.rglob("*") if path.is_file()]
        print(f"{part}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
