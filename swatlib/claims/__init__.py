"""The papers' claims as values, and one rule that judges them all.

A :class:`~swatlib.claims.claim.Claim` says what a paper states and what decides it: the difference
of training runs (:mod:`swatlib.claims.effect`), or quantities that are computed, simulated or
measured (:mod:`swatlib.claims.quantity`). :func:`~swatlib.claims.judge.judge` turns a claim and the
records into a verdict with its grade. The claims themselves lie in one folder for each part of the
book, one file for each chapter, and are collected in :mod:`swatlib.claims.inventory`.
"""
