"""Trunk states: what the frozen blocks below the adapters make of one sample.

Each is a function of that sample alone, so it is computed alone and without padding: in a batch,
the same row gets other bits.
"""

import hashlib

import safetensors.torch
import torch
from torch import Tensor

from mlcore import blocks, manifest, quantised
from mlcore.base_model import Base
from mlcore.recipe import Recipe


class TooDeep(ValueError):
    """More blocks were asked to carry adapters than the model has."""


def state(base: Base, prompt: str, *, depth: int, dtype: str = "") -> Tensor:
    """The hidden states ``(T, D)`` that enter block L - ``depth``, in the base's dtype.

    Args:
        dtype: what the blocks below compute in, the base's dtype for "": see ``quantised``.

    Raises:
        TooDeep: unless ``depth`` is from 1 to L.
        PromptTooLong: if the model cannot attend to all of the prompt.
    """
    if not 1 <= depth <= base.layers:
        raise TooDeep(f"depth must be from 1 to {base.layers}, got {depth}")
    count = base.layers - depth
    below = quantised.lowest(base.model, count, dtype) if dtype else base.model.model.layers[:count]
    with torch.inference_mode():
        x = blocks.enter(base.model, base.encode(prompt)[None])
        if dtype not in ("", "int8"):
            x = x.to(getattr(torch, dtype))
        x = blocks.run(base.model, below, x).to(base.dtype)
    # Autograd refuses to read a tensor that was made in inference mode; a copy is an ordinary one.
    return x[0].clone()


def state_of(base: Base, recipe: Recipe, prompt: str) -> Tensor:
    """The state ``(T, D)`` of a prompt under a recipe: its depth, and what its trunk computes in.

    Raises:
        PromptTooLong: if the model cannot attend to all of the prompt.
    """
    return state(base, prompt, depth=recipe.depth, dtype=recipe.trunk_dtype)


def state_key(
    base_digest: str,
    prompt: str,
    *,
    depth: int,
    dtype: str,
    trunk_dtype: str = "",
    environment: str = "",
) -> str:
    """The name, 64 hexadecimal digits, under which a state may be kept.

    Covers all that a state consumed. Where processes of several environments share a store,
    ``environment`` is the digest of ``determinism.environment()``: another thread count gives
    other bits.
    """
    return manifest.digest(
        {
            "format": "expunge/trunk-state/v2",
            "base": base_digest,
            "depth": depth,
            "dtype": dtype,
            "trunk_dtype": trunk_dtype,
            "environment": environment,
            "prompt": hashlib.sha256(prompt.encode()).hexdigest(),
        }
    )


def to_bytes(state: Tensor) -> bytes:
    """A state as safetensors."""
    data: bytes = safetensors.torch.save({"state": state.cpu().contiguous()})
    return data


def from_bytes(data: bytes) -> Tensor:
    """The state ``(T, D)`` that ``to_bytes`` wrote, on the CPU.

    Copied, because a view into ``data`` would start at any address.

    Raises:
        safetensors.SafetensorError: if the bytes are not whole.
    """
    held: Tensor = safetensors.torch.load(data)["state"]
    return held.clone()


def embed(state: Tensor) -> Tensor:
    """The direction ``(D,)`` of a state ``(T, D)``: its ``centre``, of length one, float32."""
    mean = centre(state)
    direction: Tensor = mean / mean.norm().clamp(min=torch.finfo(torch.float32).tiny)
    return direction


def centre(state: Tensor) -> Tensor:
    """The mean position ``(D,)`` of a state ``(T, D)``, float32.

    Without the first position, where there is another: every prompt starts with the same token,
    and decoders park attention there (arXiv 2309.17453). On SmolLM2 it is seventy times as long
    as the others, so the mean of all would tell prompts apart by their length alone.
    """
    told = state[1:] if len(state) > 1 else state
    return told.to(torch.float32).mean(dim=0)
