"""Two results of the same benchmarks: for each row, the ratio now over the ratio then.

Each ratio was measured within one process, against a baseline beside it. What the machine does to
both cancels, so ratios of two runs can be compared where their seconds cannot.
"""

from collections.abc import Iterable, Iterator

from swatlib.bench.results import Results, differences
from swatlib.bench.timing import Row


def compared(now: Results, then: Results, topics: Iterable[str]) -> Iterator[str]:
    """Yield lines of text: ratios of ratios by topic and setting, and rows that only one side has.

    Parameters
    ----------
    now, then : Results
    topics : iterable of str
        What was run now; other topics of ``then`` are not looked at.
    """
    for difference in differences(now.machine, then.machine):
        yield f"warning: another kind of machine: {difference}"
    for topic in topics:
        ours, theirs = _rows(now, topic), _rows(then, topic)
        yield f"\n== {topic}: ratio now / ratio then"
        setting = ""
        for key, row in ours.items():
            if key not in theirs:
                continue
            if row.setting != setting:
                setting = row.setting
                yield f"\n{setting}"
            old = theirs[key]
            if row.baseline != old.baseline:
                yield f"  {row.name:<44} not compared: then in units of {old.baseline}"
            else:
                change = f"{row.ratio:.3f} / {old.ratio:.3f}"
                yield f"  {row.name:<44} {row.ratio / old.ratio:8.3f} x  ({change})"
        for where, missing in (
            ("then", [row for key, row in ours.items() if key not in theirs]),
            ("now", [row for key, row in theirs.items() if key not in ours]),
        ):
            yield from (f"missing {where}: {row.setting}: {row.name}" for row in missing)


def _rows(results: Results, topic: str) -> dict[tuple[str, str], Row]:
    if topic not in results.topics:
        return {}
    return {(row.setting, row.name): row for row in results.topics[topic].rows}
