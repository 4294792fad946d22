"""What others have published on CIFAR-10, to stand beside our runs: accuracies with their places.

From tables of papers and from the result files of public repositories, each by its authors.
"""

from pathlib import Path

import pandas as pd

from swatlib.files import committed

RESULTS = Path(__file__).resolve().parents[2] / "data" / "published-results.csv"


def published_results() -> pd.DataFrame:
    """Read the published accuracies of sparse training on CIFAR-10.

    Returns
    -------
    DataFrame
        ``source``; ``network``, ``data``; ``dense`` and ``accuracy`` in percent, the first NaN
        where the source has no dense run; ``method``; ``sparsity`` in percent; ``interval``, the
        half width that the source gives, NaN if none; ``note``; ``place``, where it stands; and
        ``change``, accuracy less dense in points.

    Raises
    ------
    FileNotFoundError
        If the repository's ``data`` is not beside the package.
    """
    frame = pd.read_csv(committed(RESULTS), na_values={"note": []}, keep_default_na=True)
    frame["note"] = frame["note"].fillna("")
    frame["change"] = (frame["accuracy"] - frame["dense"]).round(2)
    return frame
