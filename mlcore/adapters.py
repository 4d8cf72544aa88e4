"""Adapters on disk: ordinary PEFT LoRA adapters, whose bytes are their identity."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import safetensors.torch

from mlcore.base_model import Base
from mlcore.lora import Weights
from mlcore.recipe import Recipe

PREFIX: Final = "base_model.model."
A_END: Final = ".lora_A.weight"
B_END: Final = ".lora_B.weight"


class NotAnAdapter(ValueError):
    """The bytes hold something else than pairs of A and B."""


def to_bytes(a: Weights, b: Weights) -> bytes:
    """An adapter as safetensors under PEFT's names; the same bytes for the same tensors.

    Raises:
        NotAnAdapter: unless A and B name the same modules.
    """
    if a.keys() != b.keys():
        raise NotAnAdapter("A and B are of different modules")
    named = {f"{PREFIX}{path}{A_END}": tensor for path, tensor in a.items()}
    named |= {f"{PREFIX}{path}{B_END}": tensor for path, tensor in b.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in named.items()}
    # safetensors sorts the tensors; of its metadata only a single key has a certain order.
    data: bytes = safetensors.torch.save(tensors, metadata={"format": "pt"})
    return data


def from_bytes(data: bytes) -> tuple[Weights, Weights]:
    """A and B, module path to tensor, on the CPU; in the order of their names.

    Raises:
        NotAnAdapter: if a name is not PEFT's, or an A has no B.
        safetensors.SafetensorError: if the bytes are not whole.
    """
    a: Weights = {}
    b: Weights = {}
    for name, tensor in sorted(safetensors.torch.load(data).items()):
        path = name.removeprefix(PREFIX).removesuffix(A_END).removesuffix(B_END)
        if name == f"{PREFIX}{path}{A_END}":
            a[path] = tensor.clone()
        elif name == f"{PREFIX}{path}{B_END}":
            b[path] = tensor.clone()
        else:
            raise NotAnAdapter(f"{name} is not a name of a LoRA weight")
    if a.keys() != b.keys():
        raise NotAnAdapter("A and B are of different modules")
    return a, b


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def peft_config(recipe: Recipe, base: Base) -> dict[str, Any]:
    """What goes into adapter_config.json, so that PEFT adapts the modules that we adapt.

    The layers are listed: PEFT would otherwise adapt the targets in every one of them.
    """
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": recipe.base,
        "r": recipe.rank,
        "lora_alpha": recipe.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted(recipe.target_modules),
        "layers_to_transform": [*range(base.layers - recipe.depth, base.layers)],
        "inference_mode": True,
    }


def write(folder: Path, *, weights: bytes, config: Mapping[str, Any]) -> None:
    """Write the folder that PEFT and vLLM load.

    The configuration comes last and by rename: a folder that has one is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(weights)
    draft = folder / "adapter_config.json.tmp"
    draft.write_text(json.dumps(config, indent=2, sort_keys=True), "utf-8")
    draft.rename(folder / "adapter_config.json")
