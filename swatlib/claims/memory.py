"""Claims about the memory SWAT saves and the network it leaves."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
