"""Lists of words and phrases, gathered from Debian packages (wamerican, wngerman, wfrench, wspanish, package index).

    python -m vamba_cli.train.word_list words.txt.gz

(`vamba_cli.train.pack` does it for dictionaries that are not installed.) They are not part of the project; without them
a few hundred words of our own serve.
"""

import gzip
import random
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from vamba_cli.train import vocabulary
from vamba_cli.train.alphabet import is_readable, normalise

_LANGUAGES = {
    "en": ("american-english", 24_000),
    "de": ("ngerman", 9_000),
    "fr": ("french", 8_000),
    "es": ("spanish", 8_000),
}
_NUM_PHRASES = 24_000
LETTERS = re.compile(r"[^\W\d_]+")


def build(out: Path, dictionaries: Path = Path("/usr/share/dict")) -> None:
    """Gathers words from the dictionaries of a distribution, and phrases from its package index, into one file."""
    lines = []
    for key, (name, count) in _LANGUAGES.items():
        text = (dictionaries / name).read_text(encoding="utf-8")
        words = sorted({word for word in text.split() if 2 < len(word) < 15 and word.isalpha() and is_readable(word)})
        random.Random(1).shuffle(words)
        lines += [f"{key}\t{word}" for word in sorted(words[:count])]
    lines += [f"phrase\t{phrase}" for phrase in _package_phrases()]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress("\n".join(lines).encode(), 9))


def _package_phrases() -> list[str]:
    """One-line descriptions of Debian packages, those in brackets and near-copies left out."""
    dump = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True, text=True).stdout
    found: dict[str, str] = {}
    for line in dump.splitlines():
        if line.startswith("Description: "):
            phrase = normalise(re.sub(r"\s*[(\[].*", "", line.removeprefix("Description: ")))
            if 8 <= len(phrase) <= 72 and is_readable(phrase) and phrase.count(" ") < 10:
                found.setdefault(phrase.lower()[:24], phrase)
    phrases = sorted(found.values())
    random.Random(1).shuffle(phrases)
    return phrases[:_NUM_PHRASES]


@lru_cache(maxsize=1)
def read(path: Path) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Words per language, and phrases, of a file that `build` wrote."""
    words: dict[str, list[str]] = {key: [] for key in _LANGUAGES}
    words["phrase"] = []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        key, _, text = line.partition("\t")
        words[key].append(text)
    phrases = tuple(words.pop("phrase"))
    words["en"] += list(own_words()["en"])
    return words, phrases


def own_words() -> dict[str, list[str]]:
    """English words of our own."""
    terms: Iterable[str] = (
        word for terms in vocabulary.FIELDS.values() for term in terms for word in LETTERS.findall(term)
    )
    return {"en": sorted({*vocabulary.WORDS.split(), *(word for word in terms if len(word) > 3)})}


if __name__ == "__main__":
    build(Path(sys.argv[1]))
