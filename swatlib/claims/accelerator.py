"""Claims about the simulated accelerator and what limits it."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
