"""What a model is made to say."""

import math

from vamba_cli.engine.generate import Generated


def spelt(*parts: tuple[str, float]) -> Generated:
    """An answer letter by letter, the letters of each part as likely as is said."""
    letters = [(letter, math.log(probability)) for text, probability in parts for letter in text]
    return Generated.of([letter for letter, _ in letters], [log for _, log in letters])
