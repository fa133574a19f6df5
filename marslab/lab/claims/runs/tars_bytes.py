"""TARS's bytes: what CP1251 has an id for, and what of a text it has none for."""

from marslab.lab.claims.outcome import Outcome
from marslab.text.byte_tokenizer import ByteTokenizer
from marslab.text.cp1251_tokenizer import Cp1251Tokenizer

# Characters that the design itself writes in its formulas and examples.
WRITTEN = "→²×σ←Ω₁₂α∈Δ≈ε‖∞√ℝπ∫ᵀ⁻¹βΣ✓θ≥⊙∇≤⊗₀₃"
ALPHABET = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
ALPHABETS = ALPHABET + ALPHABET.upper() + "".join(map(chr, range(32, 127)))


def no_unknown() -> Outcome:
    """Ids for bytes, bytes for characters, and ids that are left for PAD, BOS and EOS."""
    tokens, utf8 = Cp1251Tokenizer(), ByteTokenizer()
    lost = [c for c in WRITTEN if not c.encode("cp1251", "ignore")]
    letters = [c for c in ALPHABETS if tokens.decode(tokens.encode(c)) != c]
    empty = [b for b in range(256) if not bytes([b]).decode("cp1251", "ignore")]
    figures = {
        "bytes_without_an_id": sum(not 0 <= byte < tokens.vocabulary for byte in range(256)),
        "characters_without_a_byte": len(lost),
        "letters_that_do_not_come_back": len(letters),
        "bytes_without_a_character": len(empty),
        "lost_in_utf8": sum(utf8.decode(utf8.encode(c)) != c for c in WRITTEN),
    }
    says = (
        "Every byte has an id, and Russian and English letters come back. But "
        f"{len(lost)} signs that the design writes itself (as in x², √2, x₁) have no byte, "
        f"{' and '.join(f'0x{b:02x}' for b in empty)} is no character, and 256 ids leave none for "
        "PAD, BOS, EOS. Here such signs are rewritten and reported; UTF-8 bytes with 259 ids lose "
        "none."
    )
    return Outcome(figures, says)
