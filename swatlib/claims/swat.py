"""Claims about the algorithm: its gradients, its thresholds, its topologies and its accuracy."""

from swatlib.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
