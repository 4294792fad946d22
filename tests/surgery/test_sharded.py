"""Under FSDP a sparse layer trains as it does alone, or says in one sentence why it cannot."""

import copy
import warnings
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

import swatlib
from swatlib.surgery.sparsify import active_mask

KEPT = {"in every step": swatlib.swat(0.8), "period 3": swatlib.swat(0.8, period=3)}


def shard(how, model):
    if how == "fully_shard":
        return fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    own = how == "FSDP, own parameters"
    return FullyShardedDataParallel(model, device_id=torch.device("cpu"), use_orig_params=own)


WAYS = ("fully_shard", "FSDP", "FSDP, own parameters")


def said(action):
    try:
        return action()
    except ValueError as error:
        return str(error)


def train(how, recipe):
    torch.manual_seed(0)
    layers = nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)
    model = swatlib.sparsify_(nn.Sequential(*layers), recipe)
    alone = copy.deepcopy(model)
    outputs = []
    for one in (alone, shard(how, model)):
        sgd = torch.optim.SGD(one.parameters(), 0.1)
        torch.manual_seed(1)
        for x in torch.randn(5, 4, 8):
            sgd.zero_grad()
            y = one(x)
            y.square().sum().backward()
            sgd.step()
        outputs.append(y.detach())
    assert torch.allclose(*outputs, atol=1e-6), "not as it trains alone"
    return said(lambda: str(swatlib.report(model)))


def work(rank, folder):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    store = f"file://{Path(folder).resolve()}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    found = {
        f"{how}, {name}": said(lambda how=how, recipe=recipe: train(how, recipe))
        for how in WAYS
        for name, recipe in KEPT.items()
    }
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_sharded_models_train_or_say_why_not(tmp_path):
    mp.spawn(work, args=(str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert first == second
    refused = "a choice that is kept between steps belongs to a Parameter"
    assert all(first[f"{way}, period 3"].startswith(refused) for way in WAYS[1:])
    trained = [f"{way}, in every step" for way in WAYS] + ["fully_shard, period 3"]
    assert all("call report before FSDP shards them" in first[way] for way in trained)


def test_a_piece_of_a_weight_is_no_weight():
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    model[1].weight = nn.Parameter(model[1].weight.detach().reshape(-1)[:32])
    with pytest.raises(ValueError, match="must be whole, those of 1 are shards"):
        swatlib.report(model)
    with pytest.raises(ValueError, match="must be whole, got a shard"):
        active_mask(model[1])
