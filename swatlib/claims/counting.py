"""Claims about operations: what is counted, and which method is sparse where."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
