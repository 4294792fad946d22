"""Models that nobody here wrote: tiny, from their configurations, with a batch and a loss each.

No weights are downloaded. Depths and widths are the smallest that keep every kind of layer of the
full-size model.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from cjm_yolox_pytorch.model import YOLOX, YOLOXPAFPN, CSPDarknet, YOLOXHead
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    EfficientNetConfig,
    EfficientNetForImageClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
)
from transformers.models.efficientnet.modeling_efficientnet import EfficientNetDepthwiseConv2d
from transformers.pytorch_utils import Conv1D
from unet import UNet2D

CLASSES = 4
WORDS = 48

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Client:
    """A model of another package: how to build it, feed it and judge it."""

    build: Callable[[], nn.Module]
    batch: Callable[[], Batch]
    outputs: Callable[[nn.Module, Batch], list[Tensor]]
    loss: Callable[[nn.Module, Batch], Tensor]
    options: dict[str, Any] = field(default_factory=dict)
    """Further arguments of ``sparsify_``."""
    dense: frozenset[str] = frozenset()
    """Classes of the layers that stay dense."""
    tied: bool = False
    """The head shares its weight with an embedding."""


def bert() -> nn.Module:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    return BertForSequenceClassification(
        BertConfig(vocab_size=WORDS, num_attention_heads=2, num_labels=CLASSES, **sizes)
    )


def vit() -> nn.Module:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    image = {"image_size": 16, "patch_size": 4}
    return ViTForImageClassification(
        ViTConfig(num_attention_heads=2, num_labels=CLASSES, **sizes, **image)
    )


def gpt2() -> nn.Module:
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=WORDS, n_positions=16, n_embd=32, n_layer=2, n_head=2, **ends)
    )


def llama() -> nn.Module:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=WORDS, tie_word_embeddings=True, **sizes, **heads)
    )


def t5() -> nn.Module:
    pad = {"pad_token_id": 0, "decoder_start_token_id": 0}
    return T5ForConditionalGeneration(
        T5Config(vocab_size=WORDS, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, **pad)
    )


def efficientnet_of_transformers() -> nn.Module:
    scale = {"width_coefficient": 0.25, "depth_coefficient": 0.1, "hidden_dim": 320}
    return EfficientNetForImageClassification(
        EfficientNetConfig(image_size=32, num_labels=CLASSES, **scale)
    )


def efficientnet_lite() -> nn.Module:
    scale = {"width_coefficient": 0.25, "depth_coefficient": 0.1}
    return EfficientNet.from_name("efficientnet-lite0", image_size=32, num_classes=CLASSES, **scale)


def yolox() -> nn.Module:
    return YOLOX(
        CSPDarknet(deepen_factor=0.33, widen_factor=0.125),
        YOLOXPAFPN(in_channels=[32, 64, 128], out_channels=32, num_csp_blocks=1),
        YOLOXHead(num_classes=CLASSES, in_channels=32, feat_channels=32),
    )


def unet() -> nn.Module:
    return UNet2D(
        in_channels=3,
        out_classes=CLASSES,
        num_encoding_blocks=3,
        out_channels_first_layer=8,
        normalization="batch",
        padding=1,
    )


def sentences(**more: Tensor) -> Batch:
    return {"input_ids": torch.randint(1, WORDS, (8, 12)), **more}


def images(name: str, size: int) -> Batch:
    return {name: torch.randn(8, 3, size, size), "labels": torch.randint(CLASSES, (8,))}


def translations() -> Batch:
    return sentences(labels=torch.randint(1, WORDS, (8, 6)))


def next_words() -> Batch:
    batch = sentences()
    return {**batch, "labels": batch["input_ids"]}


def scenes() -> Batch:
    return {"x": torch.randn(4, 3, 64, 64)}


def maps() -> Batch:
    return {"x": torch.randn(4, 3, 16, 16), "labels": torch.randint(CLASSES, (4, 16, 16))}


def logits(model: nn.Module, batch: Batch) -> list[Tensor]:
    return [model(**batch).logits]


def own_loss(model: nn.Module, batch: Batch) -> Tensor:
    """The loss that models of transformers compute themselves."""
    return model(**batch).loss


def called_with_x(model: nn.Module, batch: Batch) -> list[Tensor]:
    y = model(batch["x"])
    return [y] if isinstance(y, Tensor) else [level for kind in y for level in kind]


def cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
    [y] = called_with_x(model, batch)
    return F.cross_entropy(y, batch["labels"])


def to_ones(model: nn.Module, batch: Batch) -> Tensor:
    """A stand-in for a detection loss that reaches classes, boxes and objectness of every level."""
    return torch.stack([(y - 1).square().mean() for y in called_with_x(model, batch)]).mean()


def but_the_head(name: str, layer: nn.Module) -> bool:
    """Leave out the layer that shares its weight with the embedding."""
    return name != "lm_head"


HEAD_DENSE = {"options": {"filter_fn": but_the_head}, "dense": frozenset({"Linear"}), "tied": True}
CONV1D = HEAD_DENSE | {"options": {"filter_fn": but_the_head, "also": (Conv1D,)}}

CLIENTS = {
    "BERT": Client(bert, lambda: sentences(labels=torch.randint(CLASSES, (8,))), logits, own_loss),
    "ViT": Client(
        vit,
        lambda: images("pixel_values", 16),
        logits,
        own_loss,
        dense=frozenset({"ViTEmbeddings"}),
    ),
    "GPT-2": Client(gpt2, next_words, logits, own_loss, **CONV1D),
    "LLaMA": Client(llama, next_words, logits, own_loss, **HEAD_DENSE),
    "T5": Client(t5, translations, logits, own_loss, **HEAD_DENSE),
    "EfficientNet of transformers": Client(
        efficientnet_of_transformers,
        lambda: images("pixel_values", 32),
        logits,
        own_loss,
        {"also": (EfficientNetDepthwiseConv2d,)},
    ),
    "EfficientNet-Lite": Client(
        efficientnet_lite,
        lambda: images("x", 32),
        called_with_x,
        cross_entropy,
        dense=frozenset({"Conv2dStaticSamePadding"}),
    ),
    "YOLOX": Client(yolox, scenes, called_with_x, to_ones),
    "UNet": Client(unet, maps, called_with_x, cross_entropy, dense=frozenset({"ConvTranspose2d"})),
}
