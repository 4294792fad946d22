"""Claims about the time FST takes and saves."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
