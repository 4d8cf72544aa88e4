"""Running some of a decoder's blocks by ourselves: the one place that knows how blocks join.

Written for decoders of the Llama shape: ``model.model`` holds ``embed_tokens``, ``layers``,
``norm`` and ``rotary_emb``, and a block is attention and then an MLP, each behind a norm and a
residual. ``agrees`` checks a model against transformers' own forward pass, so that one of another
shape is refused, not computed wrongly.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


def enter(model: Any, ids: Tensor) -> Tensor:
    """Token embeddings ``(B, T, D)`` of token ids ``(B, T)``."""
    embedded: Tensor = model.model.embed_tokens(ids)
    return embedded


def run(model: Any, blocks: Iterable[Any], x: Tensor) -> Tensor:
    """Hidden states ``(B, T, D)`` after the given blocks, at positions 0 to T-1.

    There is no mask: attention is causal, so what pads a row on the right cannot reach it.
    """
    rotary = _rotary(model, x)
    for block in blocks:
        x = block(x, attention_mask=None, position_embeddings=rotary)
    return x


def finish(model: Any, block: Any, x: Tensor, last: Tensor) -> Tensor:
    """Hidden states ``(B, D)`` after the last block and the final norm, at one position a row.

    Nothing else is read from the last block, so its MLP, three quarters of its work, runs on
    that position alone.

    Args:
        x: ``(B, T, D)``, what enters the last block.
        last: ``(B,)``, the position of each row's last real token.
    """
    attended, _ = block.self_attn(
        hidden_states=block.input_layernorm(x),
        attention_mask=None,
        position_embeddings=_rotary(model, x),
    )
    rows = torch.arange(len(x), device=x.device)
    x = x[rows, last] + attended[rows, last]  # (B, D)
    x = x + block.mlp(block.post_attention_layernorm(x))
    normed: Tensor = model.model.norm(x)
    return normed


def agrees(model: Any, ids: Tensor) -> bool:
    """Whether our way to the last position's logits is transformers' own, for ids ``(T,)``."""
    try:
        *body, top = model.model.layers
        with torch.inference_mode():
            x = run(model, body, enter(model, ids[None]))
            x = finish(model, top, x, torch.tensor([len(ids) - 1], device=ids.device))
            ours = model.get_output_embeddings()(x)
            theirs = model(ids[None], use_cache=False).logits[:, -1]
    except (AttributeError, TypeError):
        return False
    # bfloat16 has eight bits: two orders of summation differ in the last of them.
    tolerance = 1e-2 if ours.dtype == torch.bfloat16 else 1e-4
    scale = theirs.abs().max().clamp(min=1.0)
    return bool(((ours - theirs).abs() <= tolerance * scale).all())


def _rotary(model: Any, x: Tensor) -> Any:
    positions = torch.arange(x.shape[1], device=x.device)[None]
    return model.model.rotary_emb(x, position_ids=positions)
