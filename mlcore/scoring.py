"""Scoring: one batched pass in which every row wears its own mix of the adapters."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mlcore import aggregation, trunk
from mlcore.aggregation import Index
from mlcore.base_model import Base
from mlcore.lora import Weights, adapter_dtype, top_of
from mlcore.recipe import Recipe


class NotIndexed(ValueError):
    """A shard that serves has no column in the aggregation index."""


class Scorer:
    """A release, ready to score.

    Only the shards that have an adapter are mixed: one that is retraining leaves the mix, and the
    other weights are what they would be without its column. With no adapters at all, the base
    answers alone.

    Raises:
        NotIndexed: if a shard that has an adapter is not in the index.
    """

    def __init__(
        self,
        base: Base,
        recipe: Recipe,
        *,
        a: Weights,
        adapters: Mapping[int, Weights],
        index: Index,
    ) -> None:
        self._base = base
        self._recipe = recipe
        self._top = top_of(base, recipe)
        shards = tuple(sorted(adapters))
        if missing := [shard for shard in shards if shard not in index.shards]:
            raise NotIndexed(f"shards {missing} have adapters but are not in the index")
        columns = [index.shards.index(shard) for shard in shards]
        self._index = Index(shards, index.embeddings, index.errors[:, columns])
        device, dtype = base.device, adapter_dtype(base)
        self._a = {path: tensor.to(device, dtype) for path, tensor in a.items()}
        self._b = {  # (K, out, r)
            path: torch.stack([adapters[shard][path] for shard in shards]).to(device, dtype)
            for path in (a if shards else ())
        }

    def score(self, states: Sequence[Tensor], batch_size: int = 32) -> list[float]:
        """P(like) of each trunk state ``(T, D)``, in the order given.

        Rows of like length share a batch. The last bits of a score may depend on who shares its
        batch, as in every batched pass; nothing that is compared by digest is made here.
        """
        by_length = sorted(range(len(states)), key=lambda i: len(states[i]))
        scores = [0.0] * len(states)
        for start in range(0, len(states), batch_size):
            rows = by_length[start : start + batch_size]
            for i, score in zip(rows, self._batch([states[i] for i in rows]), strict=True):
                scores[i] = score
        return scores

    def _batch(self, states: Sequence[Tensor]) -> list[float]:
        with torch.inference_mode():
            logits = self._top.answers(states, self._a, self._b, self._weights(states))
            probabilities: list[float] = torch.sigmoid(logits[:, 0] - logits[:, 1]).tolist()
        return probabilities

    def _weights(self, states: Sequence[Tensor]) -> Tensor:
        """``(B, K)``: mix_scale x how much each shard's adapter counts for each row."""
        w = aggregation.weights(
            self._index,
            torch.stack([trunk.centre(state) for state in states]),
            neighbours=self._recipe.neighbours,
            temperature=self._recipe.temperature,
        )
        return (self._recipe.mix_scale * w).to(self._base.device, adapter_dtype(self._base))
