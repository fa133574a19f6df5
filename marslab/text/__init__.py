"""Text in, ids out: tokenizers."""

from marslab.text.byte_tokenizer import ByteTokenizer

__all__ = ["ByteTokenizer"]
