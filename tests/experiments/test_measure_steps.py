"""The step that is timed is the method's own, hooks and all, and a record belongs to its device."""

import pytest
import torch

from swatlib import machine
from swatlib.experiments import measure_steps
from swatlib.experiments.measure_steps import Batch, StepTiming
from swatlib.methods import method
from swatlib.records import key, specification
from swatlib.surgery.sparsify import report

HERE = machine.device()
SMALL = {"network": "small_resnet", "width": 8, "pixels": 8, "images": 4}


def test_ratios_and_times() -> None:
    run = StepTiming(HERE, **SMALL, method="swat", sparsity=0.9, turns=2, calls=1)
    found = run.compute()
    assert found["ratio_low"] <= found["ratio"] <= found["ratio_high"]
    assert min(found["seconds"], found["dense_seconds"]) > 0


def test_a_step_in_float32_is_one_of_plain_sgd() -> None:
    batch = Batch(HERE, **SMALL)
    model, other = batch.model(method("dense")), batch.model(method("dense"))
    batch.step(method("dense"), model)()
    x, y = batch.tensors()
    optimizer = torch.optim.SGD(other.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    torch.nn.functional.cross_entropy(other(x), y).backward()
    optimizer.step()
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_precision_and_layout() -> None:
    seen: list[torch.Tensor] = []
    batch = Batch(HERE, **SMALL, precision="bfloat16", layout="channels_last")
    model = batch.model(method("dense"))
    model.layer1[0].conv1.register_forward_hook(lambda m, args, output: seen.append(output))
    batch.step(method("dense"), model)()
    assert seen[0].dtype == torch.bfloat16
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert not seen[0].is_contiguous()


def test_what_gets_sparser_is_sparse_when_time_is_taken() -> None:
    batch, plan = Batch(HERE, **SMALL), method("gmp", 0.9)
    model = batch.model(plan)
    step = batch.step(plan, model)
    before = report(model)["sparsity"].mean()
    step()
    assert before < 0.5 < report(model)["sparsity"].mean()


def test_no_update_of_masks_is_due_in_the_steps_that_are_timed() -> None:
    from swatlib.clock import WARM_UP
    from swatlib.methods import Progress
    from swatlib.methods.ramp import Updates

    run = StepTiming(HERE)
    first = measure_steps.FIRST
    due = [
        Updates().due(Progress(first + n, measure_steps.STEPS, measure_steps.EPOCH))
        for n in range((WARM_UP + run.turns) * run.calls)
    ]
    assert due[0]
    assert not any(due[WARM_UP * run.calls :])


def test_a_network_as_small_as_a_method_wants_it() -> None:
    sizes = {
        name: sum(p.numel() for p in Batch(HERE, **SMALL).model(method(name, 0.5)).parameters())
        for name in ("small-dense", "swat")
    }
    assert sizes["small-dense"] < 0.7 * sizes["swat"]


def test_another_device_is_another_measurement() -> None:
    runs = [StepTiming(device, **SMALL) for device in (HERE, "another")]
    assert len({key(specification(run)) for run in runs}) == 2
    with pytest.raises(ValueError, match="device must be"):
        runs[1].compute()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"device": ""}, "device must not be empty"),
        ({"layout": "nchw"}, "layout must be one of contiguous, channels_last"),
        ({"precision": "int8"}, "precision must be one of"),
        ({"method": "none"}, "method must be one of"),
        ({"turns": 1}, "turns must be at least 2"),
    ],
)
def test_bad_fields_are_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StepTiming(**({"device": HERE} | fields))
