"""Text to token ids and back: Qwen2's byte-level BPE for the released model, plain bytes for the bundled one."""

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from vamba_cli.errors import ModelError

# The prompt of the reference implementation, literally (MODEL section 5).
CHATML = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
    "<|vision_start|><|vision_end|>{question}<|im_end|>\n<|im_start|>assistant\n"
)


class Tokenizer(Protocol):
    """What the engine needs of a tokenizer."""

    @property
    def end_id(self) -> int:
        """The token that ends an answer."""

    @property
    def yes_no_ids(self) -> tuple[int, int]:
        """The tokens with which the model begins the answers yes and no."""

    def encode(self, text: str) -> list[int]:
        """Plain text; marks of special tokens in it are text, too, so a question cannot forge a prompt."""

    def encode_prompt(self, question: str) -> list[int]:
        """The whole prompt around a question."""

    def token_bytes(self, token: int) -> bytes:
        """The UTF-8 bytes that a token stands for (a part of a character, perhaps); b"" for special tokens."""


class ByteTokenizer:
    """UTF-8 bytes are ids 0 .. 255; special tokens follow. The tokenizer of the bundled checkpoint."""

    start_id, end_id, vision_start_id, vision_end_id = 256, 257, 258, 259
    yes_no_ids = (ord("y"), ord("n"))

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def encode_prompt(self, question: str) -> list[int]:
        return [self.vision_start_id, self.vision_end_id, *self.encode(question), self.start_id]

    def token_bytes(self, token: int) -> bytes:
        return bytes((token,)) if token < 256 else b""


class Qwen2Tokenizer:
    """`tokenizer.json` of Qwen2 through the `tokenizers` library, with the ChatML prompt."""

    def __init__(self, file: Path) -> None:
        import tokenizers

        if not file.is_file():
            raise ModelError(
                f"{file.parent} has no tokenizer.json: a model without a tokenizer can be verified, not asked"
            )
        try:
            self._bpe = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises bare Exception on a damaged file
            raise ModelError(f"{file} cannot be read ({error}): download the model again") from error
        self._bpe.encode_special_tokens = True  # "<|im_end|>" typed by a user is text
        end = self._bpe.token_to_id("<|im_end|>")
        if end is None:
            raise ModelError(f"{file} has no <|im_end|> token: it is not a Qwen2 chat tokenizer")
        self.end_id: int = end
        self.yes_no_ids = self.encode("Yes")[0], self.encode("No")[0]
        self._bytes = _byte_of_symbol()

    def encode(self, text: str) -> list[int]:
        return list(self._bpe.encode(text, add_special_tokens=False).ids)

    def encode_prompt(self, question: str) -> list[int]:
        self._bpe.encode_special_tokens = False
        try:
            before, after = (self.encode(part) for part in CHATML.split("{question}"))
        finally:
            self._bpe.encode_special_tokens = True
        return before + self.encode(question) + after

    def token_bytes(self, token: int) -> bytes:
        symbol = self._bpe.id_to_token(token)
        if symbol is None or (symbol.startswith("<|") and symbol.endswith("|>")):
            return b""
        return bytes(self._bytes[character] for character in symbol)


def _byte_of_symbol() -> dict[str, int]:
    """GPT-2's printable stand-ins for the 256 bytes: visible Latin-1 is itself, the others start at U+0100."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(b): b for b in visible} | {chr(0x100 + i): b for i, b in enumerate(hidden)}


class TextStream:
    """Tokens to text piece by piece; a character is let out only when all of its bytes have come."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        return self._decoder.decode(self._tokenizer.token_bytes(token))

    def finish(self) -> str:
        return self._decoder.decode(b"", final=True)


def decode(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    """The text of a finished answer."""
    stream = TextStream(tokenizer)
    return "".join(map(stream.push, tokens)) + stream.finish()
