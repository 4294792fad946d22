"""The six operands stand in one place; what is kept per operand is the same container."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

import swatlib
from swatlib.accounting import Density
from swatlib.core.operands import OPERANDS, PRODUCTS, PerOperand, operand
from swatlib.core.products import Choices
from swatlib.core.recipe import Recipe
from swatlib.simulator import Masks

NAMES = (  # Eqs. 1 to 3 of SWAT
    "forward_weight",
    "forward_activation",
    "input_grad_weight",
    "input_grad_gradient",
    "weight_grad_activation",
    "weight_grad_gradient",
)


def test_each_product_has_two_operands() -> None:
    assert tuple(one.name for one in OPERANDS) == NAMES
    assert PRODUCTS == ("forward", "input_grad", "weight_grad")
    assert [one.heading for one in OPERANDS[:3]] == ["forward W", "forward X", "input-grad W"]
    assert all(sum(one.product == product for one in OPERANDS) == 2 for product in PRODUCTS)
    assert operand("input_grad_gradient").tensor == "gradient"
    with pytest.raises(
        ValueError, match=r"operand must be one of forward_weight, .*; got 'weight'"
    ):
        operand("weight")


@pytest.mark.parametrize("kind", [Recipe, Choices, Density, Masks])
def test_what_is_kept_per_operand_is_one_container(kind: type) -> None:
    assert issubclass(kind, PerOperand)


def test_a_container_by_name_by_product_and_mapped() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Counts(PerOperand[int | None]):
        pass

    counts = Counts(forward_weight=2, forward_activation=3)
    assert counts.named() == dict.fromkeys(NAMES, None) | {
        "forward_weight": 2,
        "forward_activation": 3,
    }
    assert counts.of("forward") == (2, 3)
    assert counts.map(lambda n: n * 2) == {"forward_weight": 4, "forward_activation": 6}
    assert [one.name for one, _ in counts.items()] == list(NAMES)
    assert Density(forward_weight=0.5).of("forward") == (0.5, 1.0)


def test_no_other_module_lists_the_six() -> None:
    for path in Path(swatlib.__file__).parent.rglob("*.py"):
        if path.name == "operands.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
                parts = node.keys if isinstance(node, ast.Dict) else node.elts
                texts = {p.value for p in parts if isinstance(p, ast.Constant)}
                assert len(texts & set(NAMES)) < 4, f"{path}:{node.lineno} lists the operands"
