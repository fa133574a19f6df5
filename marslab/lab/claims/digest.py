"""Whether the code behind a figure is still the code that gave it."""

from marslab.lab.claims.schema import Claim
from marslab.lab.sources import digest, hashed


def code_of(claim: Claim) -> str:
    """Return the digest of everything that the figures of a claim depend on."""
    names = (*claim.code, claim.run.partition(":")[0])
    return digest(tuple(dict.fromkeys(names)))


def terms_of(claim: Claim) -> str:
    """Return the digest of what was tested and how it was judged."""
    terms = (claim.test, claim.run, claim.figures, [str(rule) for rule in claim.rule])
    return hashed([repr(terms).encode()])
