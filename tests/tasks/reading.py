"""What a model is made to say."""

import math

from vamba_cli.engine.generate import Generated


def spelt(text: str, probability: float) -> Generated:
    """An answer letter by letter, each as likely."""
    return Generated.of([(letter, math.log(probability)) for letter in text])
