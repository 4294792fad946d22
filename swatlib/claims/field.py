"""Claims about SWAT and FST among the other methods."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
