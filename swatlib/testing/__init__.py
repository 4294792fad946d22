"""The contract: properties of every sparse training method, checked for any recipe.

>>> import swatlib
>>> from swatlib.testing import check_recipe
>>> check_recipe(swatlib.swat(0.5), only=["evaluation_changes_nothing"])

A selector of your own (a subclass of :class:`swatlib.Selector`) goes into a recipe and the recipe
through these checks. A check that cannot hold is named, with the reason, as an expected failure; it
must then fail.
"""

from swatlib.testing.contract import CHECKS, Check, check_recipe
from swatlib.testing.ranks import two_ranks_agree_on

__all__ = ["CHECKS", "Check", "check_recipe", "two_ranks_agree_on"]
