"""Claims about FST: its patterns, what its gradients forgive, and its accuracy."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
