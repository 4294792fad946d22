"""Claims about spatial similarity and the restoration that uses it."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
