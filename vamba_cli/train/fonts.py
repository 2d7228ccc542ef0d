"""Font files for drawn slides: collecting them, finding them, and keeping some families unseen.

The training set is not committed: `vamba_cli.train.pack` collects it from the packages named here. Metric
clones (Arimo for Liberation Sans, Nimbus Sans for TeX Gyre Heros) stay out: a held-out family would otherwise have a
twin among the training fonts.

    python -m vamba_cli.train.fonts .fonts /usr/share/fonts /usr/share/texmf/fonts

writes subsets of the fonts below any folders (with fonttools' `pyftsubset`), named Family-Style.ttf.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from vamba_cli.train.alphabet import ALPHABET

NUM_HELD_OUT_FAMILIES = 12

DEBIAN_PACKAGES = """
    fonts-dejavu-core fonts-dejavu-extra fonts-liberation fonts-noto-core fonts-noto-mono fonts-roboto-unhinted
    fonts-open-sans fonts-lato fonts-lmodern fonts-crosextra-carlito fonts-crosextra-caladea fonts-inconsolata
    fonts-hack fonts-firacode fonts-cantarell fonts-ebgaramond fonts-linuxlibertine fonts-comfortaa fonts-quicksand
    fonts-cabin fonts-karla fonts-manrope fonts-inter fonts-jetbrains-mono fonts-comic-neue fonts-cmu fonts-texgyre
    fonts-vollkorn fonts-roboto-slab fonts-adf-gillius fonts-go fonts-paratype fonts-dosis fonts-oxygen
    fonts-quattrocento fonts-clear-sans fonts-courier-prime fonts-stix fonts-b612 fonts-yanone-kaffeesatz
""".split()
# Faces that slides use and Debian lacks, as .woff files.
NPM_PACKAGES = [
    f"@fontsource/{name}"
    for name in """
        fira-sans montserrat source-sans-3 poppins oswald raleway nunito gelasio ubuntu merriweather ibm-plex-sans
        source-code-pro playfair-display work-sans
    """.split()
]

# File stems, per family: what a deck of slides sets its text in.
_WANTED = """
    LiberationSans-Regular LiberationSans-Bold LiberationSans-Italic LiberationSans-BoldItalic
    LiberationSerif-Regular LiberationSerif-Bold LiberationSerif-Italic LiberationMono-Regular
    LiberationMono-Bold LiberationSansNarrow-Regular LiberationSansNarrow-Bold Carlito-Regular Carlito-Bold
    Carlito-Italic Caladea-Regular Caladea-Bold lmsans10-regular lmsans10-bold lmsans10-oblique lmsans17-regular
    lmsans8-regular lmroman10-regular lmroman10-bold lmroman10-italic lmroman12-regular lmromancaps10-regular
    lmmono10-regular lmmono10-italic lmsansdemicond10-regular cmunbmr cmunbsr cmunorm texgyreheros-regular
    texgyreheros-bold texgyreheros-italic texgyreheroscn-regular texgyrepagella-regular texgyrepagella-bold
    texgyretermes-regular texgyrecursor-regular texgyreadventor-regular texgyrebonum-regular DejaVuSans
    DejaVuSans-Bold DejaVuSans-Oblique DejaVuSansCondensed DejaVuSansMono DejaVuSansMono-Bold DejaVuSerif
    NotoSans-Regular NotoSans-Bold NotoSans-Italic NotoSerif-Regular NotoSerif-Bold NotoSansMono-Regular
    NotoSansDisplay-Regular Roboto-Regular Roboto-Bold Roboto-Light Roboto-Italic RobotoCondensed-Regular
    RobotoCondensed-Bold RobotoSlab-Regular RobotoSlab-Bold OpenSans-Regular OpenSans-Bold OpenSans-Light
    OpenSans-CondBold Lato-Regular Lato-Bold Lato-Light Lato-Italic Hack-Regular FiraCode-Regular Inconsolata
    JetBrainsMono-Regular CourierPrime-Regular Cantarell-Regular Cantarell-Bold EBGaramond12-Regular
    LinLibertine_R LinLibertine_RB LinBiolinum_R Comfortaa-Regular Quicksand-Medium Cabin-Regular Cabin-Bold
    Karla-Regular Manrope-Medium Inter-Regular Inter-Bold ComicNeue-Regular ComicNeue-Bold Vollkorn-Regular
    GilliusADF-Regular GilliusADF-Bold Go-Regular Go-Mono PTS55F PTS75F PTF55F Dosis-Medium Oxygen-Sans
    OxygenMono-Regular Quattrocento-Regular ClearSans-Regular ClearSans-Bold STIX-Regular B612-Regular
    YanoneKaffeesatz-Regular YanoneKaffeesatz-Bold fira-sans-latin-400-normal fira-sans-latin-300-normal
    fira-sans-latin-500-normal fira-sans-latin-700-normal fira-sans-latin-400-italic montserrat-latin-400-normal
    montserrat-latin-700-normal source-sans-3-latin-400-normal source-sans-3-latin-700-normal
    poppins-latin-400-normal poppins-latin-600-normal oswald-latin-400-normal raleway-latin-400-normal
    raleway-latin-700-normal nunito-latin-400-normal gelasio-latin-400-normal gelasio-latin-700-normal
    ubuntu-latin-400-normal ubuntu-latin-700-normal merriweather-latin-400-normal ibm-plex-sans-latin-400-normal
    source-code-pro-latin-400-normal playfair-display-latin-700-normal work-sans-latin-400-normal
"""

# Families whose file names do not spell them: opaque codes, and optical sizes of one design.
_FAMILY_OF_STEM = {
    "cmunbmr": "CMUBright-Roman",
    "cmunbsr": "CMUBright-SemiBold",
    "cmunorm": "CMUConcrete-Regular",
    "PTS55F": "PTSans-Regular",
    "PTS75F": "PTSans-Bold",
    "PTF55F": "PTSerif-Regular",
    "LinLibertine_R": "Libertine-Regular",
    "LinLibertine_RB": "Libertine-Bold",
    "LinBiolinum_R": "Biolinum-Regular",
    "lmsans8-regular": "lmsans-small",
    "lmsans17-regular": "lmsans-large",
    "lmsans10-regular": "lmsans-regular",
    "lmsans10-bold": "lmsans-bold",
    "lmsans10-oblique": "lmsans-oblique",
    "lmsansdemicond10-regular": "lmsans-demicond",
    "lmroman10-regular": "lmroman-regular",
    "lmroman10-bold": "lmroman-bold",
    "lmroman10-italic": "lmroman-italic",
    "lmroman12-regular": "lmroman-twelve",
    "Go-Mono": "GoMono-Regular",
    "Oxygen-Sans": "OxygenSans-Regular",
}


def family_of(font: Path) -> str:
    """The family that a font file belongs to: its name up to the style, without "condensed" and the like."""
    stem = font.stem.split("-latin-")[0].replace("-", "") if "-latin-" in font.stem else font.stem.split("-")[0]
    for width in ("Condensed", "Narrow", "Display", "cn"):
        stem = stem.removesuffix(width)
    return stem.lower()


def find_fonts(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Every TrueType and OpenType file below the folders, sorted by name so that a seed means the same anywhere."""
    files = (path for folder in folders for path in folder.rglob("*"))
    return tuple(sorted((path for path in files if path.suffix.lower() in {".ttf", ".otf"}), key=lambda p: p.name))


def split_fonts(fonts: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Fonts to train on and fonts never trained on: the families whose names hash lowest are held out."""
    families = sorted({family_of(font) for font in fonts}, key=_rank)
    num_held_out = min(NUM_HELD_OUT_FAMILIES, len(families) // 4)
    held_out = set(families[:num_held_out])
    train = tuple(font for font in fonts if family_of(font) not in held_out)
    return train, tuple(font for font in fonts if family_of(font) in held_out)


def _rank(family: str) -> str:
    """Order of families for the split; the salt leaves beamer's and PowerPoint's defaults among the training fonts."""
    return hashlib.sha256(f"slides-1:{family}".encode()).hexdigest()


def collect(out: Path, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Writes subsets of the wanted fonts below `folders` into `out` and returns them; absent ones are skipped."""
    out.mkdir(parents=True, exist_ok=True)
    stems = set(_WANTED.split())
    suffixes = {".ttf", ".otf", ".woff"}
    found = {p.stem: p for folder in folders for p in folder.rglob("*") if p.stem in stems and p.suffix in suffixes}
    for stem, source in sorted(found.items()):
        _subset(source, out / f"{_FAMILY_OF_STEM.get(stem, stem)}{'.otf' if source.suffix == '.otf' else '.ttf'}")
    return find_fonts([out])


def _subset(source: Path, target: Path) -> None:
    """One font reduced to the alphabet and its kerning and ligatures."""
    unicodes = ",".join(f"U+{ord(character):04X}" for character in ALPHABET[1:] + "ﬀﬁﬂﬃﬄﬅﬆ−")
    command = [
        sys.executable,
        "-m",
        "fontTools.subset",
        str(source),
        f"--unicodes={unicodes}",
        f"--output-file={target}",
    ]
    command += ["--layout-features=kern,liga", "--notdef-outline", "--glyph-names", "--name-IDs=1,2"]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    collect(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
