"""Claims of Part I: why training sparsely pays, Top-K, and the geometry of sparsification."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
