"""Every method and every small network has one name."""

from swatlib.methods import ALIASES, METHODS
from swatlib.models import NAMES
from swatlib.plotting.labels import LOOKS, METHOD_LABELS, NETWORK_LABELS


def test_every_row_of_the_table_of_methods_has_a_label() -> None:
    assert METHOD_LABELS.keys() == METHODS.keys() | ALIASES.keys()
    assert len(set(METHOD_LABELS.values())) == len(METHOD_LABELS)


def test_small_networks_have_labels_and_looks_are_apart() -> None:
    assert set(NETWORK_LABELS) <= set(NAMES)
    assert len(set(LOOKS.values())) == len(LOOKS)
