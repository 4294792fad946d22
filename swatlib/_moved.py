"""Former names of public modules: importing one raises an error that names the present one."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "accounting.bars": "plotting.bars",
    "accounting.tables": "papers.swat_tables",
    "accounting.zeros": "papers.natural_zeros",
    "adopted": "surgery.adopted",
    "allocation": "core.allocation",
    "augmentation": "training.augmentation",
    "channels": "selectors.channels",
    "compression": "storage.compression",
    "distribution": "methods.allocation and swatlib.methods.momentum",
    "executors": "records.executors",
    "fast_path": "surgery.fast_path",
    "first_layer": "surgery.first_layer",
    "fst": "methods.fst",
    "geometry": "analysis.angles",
    "information_restoration": "selectors.information_restoration",
    "layers": "core.layers",
    "masks": "kernels.keep",
    "memory": "core.selector_state",
    "multiplying": "surgery.multiplying",
    "nm": "kernels.nm and swatlib.selectors.nm",
    "observe": "training.observe",
    "packing": "kernels.packing",
    "paired": "analysis.statistics",
    "products": "core.products",
    "pruned": "storage.pruned",
    "recipes": "methods",
    "semi_structured": "kernels.semi_structured",
    "similarity": "analysis.similarity",
    "simulator.exploration": "experiments.accelerator",
    "simulator.trained": "experiments.accelerator_trained",
    "slots": "core.recipe",
    "sparsify": "surgery.sparsify",
    "state": "surgery.state",
    "sweep": "records.sweep",
    "thresholds": "kernels.kth_magnitude",
    "tied": "surgery.tied",
    "topology": "methods.topology",
    "transposable": "selectors.transposable",
    "twin": "surgery.twin",
    "upgrade": "records.upgrade",
    "verify": "experiments.verify",
}
"""From the former name of a module to the present one, both under ``swatlib``."""


class _Moved(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, module = name.partition(".")
        if package == "swatlib" and module in MOVED:
            raise ImportError(f"{name} is now swatlib.{MOVED[module]}", name=name)
        return None


def announce() -> None:
    """Let the import of a former name raise an error that names the present one."""
    sys.meta_path.append(_Moved())
