"""Claims about which entries SWAT keeps, how many in each layer, and in what structure."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
