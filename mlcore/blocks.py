"""Running some of a decoder's blocks by ourselves: the one place that knows how blocks join.

Written for decoders whose ``model.model`` holds ``embed_tokens``, ``layers``, ``norm`` and
``rotary_emb``, and whose blocks are attention and then an MLP, each between the norms of ``Norms``
and beside a residual: Llama, Mistral, Qwen 2 and 3, Phi 3, Gemma 1, 2 and 3. ``agrees`` checks a
model against transformers' own forward pass, so that one of another shape is refused, not
computed wrongly. Prompts are never longer than a window of attention (``Base.encode``), so blocks
of sliding and of full attention see the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

from mlcore import devices


@dataclass(frozen=True)
class Norms:
    """What a block calls its four norms; "" where it has none."""

    before_attention: str
    after_attention: str
    before_mlp: str
    after_mlp: str


BEFORE: Final = Norms("input_layernorm", "", "post_attention_layernorm", "")
AROUND: Final = Norms(
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)


def enter(model: Any, ids: Tensor) -> Tensor:
    """Token embeddings ``(B, T, D)`` of token ids ``(B, T)``; Gemma's come scaled."""
    embedded: Tensor = model.model.embed_tokens(ids)
    return embedded


def run(model: Any, blocks: Iterable[Any], x: Tensor) -> Tensor:
    """Hidden states ``(B, T, D)`` after the given blocks, at positions 0 to T-1.

    Padding goes on the right: attention is causal, so it cannot reach a row's own positions.
    Blocks on several devices hand ``x`` on from one to the next; it stays where the last one is.
    """
    mask = _mask(model, x)
    rotary: dict[str | None, Any] = {}
    for block in blocks:
        kind = _kind(model, block)
        if kind not in rotary:
            rotary[kind] = _rotary(model, x, kind)
        x = block(x, attention_mask=mask, position_embeddings=rotary[kind])
    return x


def finish(model: Any, block: Any, x: Tensor, last: Tensor) -> Tensor:
    """Hidden states ``(B, D)`` after the last block and the final norm, at one position a row.

    Nothing else is read from the last block, so only its keys and values are of all positions;
    its queries, its output and its MLP, nine tenths of its work, are of that position alone.

    Args:
        x: ``(B, T, D)``, what enters the last block.
        last: ``(B,)``, the position of each row's last real token.
    """
    device = devices.of(block, x.device)
    x, last = x.to(device), last.to(device)
    norms = AROUND if hasattr(block, AROUND.before_mlp) else BEFORE
    attended = _attend(model, block, _norm(block, norms.before_attention, x), last)
    here = torch.arange(len(x), device=device)
    y = x[here, last] + _norm(block, norms.after_attention, attended)  # (B, D)
    inner = block.mlp(_norm(block, norms.before_mlp, y)[:, None])[:, 0]
    y = y + _norm(block, norms.after_mlp, inner)
    normed: Tensor = model.model.norm(y)
    return normed


def logits(model: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Logits ``(B, V)`` of hidden states ``(B, D)`` through V rows of the head, capped as Gemma's.

    The cap is c tanh(y / c) (Gemma 2, arXiv 2408.00118).
    """
    y = F.linear(x, weight, bias)
    cap = getattr(model.config, "final_logit_softcapping", None)
    return y if cap is None else torch.tanh(y / cap) * cap


def agrees(model: Any, ids: Tensor) -> bool:
    """Whether our way to the last position's logits is transformers' own, for ids ``(T,)``."""
    try:
        *body, top = model.model.layers
        head = model.get_output_embeddings()
        with torch.inference_mode():
            x = run(model, body, enter(model, ids[None]))
            x = finish(model, top, x, torch.tensor([len(ids) - 1]))
            with devices.weights_of(head):
                ours = logits(model, x.to(head.weight.device), head.weight, head.bias)
            theirs = model(ids[None], use_cache=False).logits[:, -1].to(ours.device)
    except (AttributeError, TypeError, KeyError, RuntimeError):
        return False
    # bfloat16 has eight bits: two orders of summation differ in the last of them.
    tolerance = 1e-2 if ours.dtype == torch.bfloat16 else 1e-4
    scale = theirs.abs().max().clamp(min=1.0)
    return bool(((ours - theirs).abs() <= tolerance * scale).all())


def _norm(block: Any, name: str, x: Tensor) -> Tensor:
    normed: Tensor = getattr(block, name)(x) if name else x
    return normed


def _attend(model: Any, block: Any, x: Tensor, last: Tensor) -> Tensor:
    """A block's attention ``(B, D)`` at the last positions ``(B,)`` of normed ``(B, T, D)``."""
    attention = block.self_attn
    rotary = _rotary(model, x, _kind(model, block))
    here = torch.arange(len(x), device=x.device)
    if not hasattr(attention, "q_proj"):  # Phi 3 has one matrix for queries, keys and values
        whole, _ = attention(
            hidden_states=x, attention_mask=_mask(model, x), position_embeddings=rotary
        )
        attended: Tensor = whole[here, last]
        return attended
    keys = _heads(attention, "k", x)  # (B, heads, T, h)
    query = _heads(attention, "q", x[here, last][:, None])  # (B, heads, 1, h)
    values = _heads(attention, "v", x)
    cos, sin = (part.to(x.device) for part in rotary)  # (1, T, h)
    keys = _turn(keys, cos[:, None], sin[:, None])
    query = _turn(query, cos[0, last][:, None, None], sin[0, last][:, None, None])
    # Query heads share a key head in groups, so the group takes the place of the position.
    query = query.view(len(x), keys.shape[1], -1, keys.shape[3])
    scores = query @ keys.mT * attention.scaling  # (B, key heads, group, T)
    if cap := getattr(attention, "attn_logit_softcapping", None):
        scores = torch.tanh(scores / cap) * cap
    later = torch.arange(x.shape[1], device=x.device) > last[:, None]  # (B, T)
    scores = scores.masked_fill(later[:, None, None], float("-inf"))
    # As transformers: its own attention takes the softmax in float32, and torch's in the scores'.
    eager = model.config._attn_implementation == "eager"
    dtype = torch.float32 if eager else torch.promote_types(x.dtype, torch.float32)
    mixed = F.softmax(scores, dim=-1, dtype=dtype).to(x.dtype) @ values
    out: Tensor = attention.o_proj(mixed.reshape(len(x), 1, -1))[:, 0]
    return out


def _heads(attention: Any, name: str, x: Tensor) -> Tensor:
    """Queries, keys or values, ``(B, T, D)`` to ``(B, heads, T, h)``; Qwen 3 and Gemma 3 norm."""
    heads = getattr(attention, f"{name}_proj")(x).unflatten(-1, (-1, attention.head_dim))
    norm = getattr(attention, f"{name}_norm", None)
    turned: Tensor = (heads if norm is None else norm(heads)).transpose(1, 2)
    return turned


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of halves (arXiv 2104.09864, in the layout of Llama's weights)."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


def _mask(model: Any, x: Tensor) -> Tensor | None:
    """What attention adds to its scores, ``(1, 1, T, T)``; torch's own is causal by itself."""
    if model.config._attn_implementation != "eager":
        return None
    hidden = torch.full(
        (x.shape[1], x.shape[1]), torch.finfo(x.dtype).min, dtype=x.dtype, device=x.device
    )
    return hidden.triu(1)[None, None]


def _kind(model: Any, block: Any) -> str | None:
    """What the rotary embedding tells blocks apart by: Gemma 3's local and global ones."""
    has_kinds = hasattr(model.model.rotary_emb, "layer_types")
    return block.self_attn.layer_type if has_kinds else None


def _rotary(model: Any, x: Tensor, kind: str | None) -> Any:
    positions = torch.arange(x.shape[1], device=x.device)[None]
    return model.model.rotary_emb(x, positions, *([kind] if kind else []))
