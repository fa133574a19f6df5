"""Text in, ids out: tokenizers."""

from marslab.text.byte_tokenizer import ByteTokenizer
from marslab.text.cp1251_tokenizer import Cp1251Tokenizer

__all__ = ["ByteTokenizer", "Cp1251Tokenizer"]
