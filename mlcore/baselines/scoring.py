"""Scoring with several adapters, by every aggregation that is compared.

No weight matrix is merged: D gives each row the weighted sums of the As and of the Bs, ND all As
below each other and the row's weighted Bs side by side, whose product is the sum of B_k A_k.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from mlcore import aggregation
from mlcore.aggregation import Index
from mlcore.base_model import Base
from mlcore.baselines import clusters
from mlcore.lora import Weights, adapter_dtype, top_of
from mlcore.recipe import Recipe
from mlcore.rows import Row

# The paper's: n for movies (100 for books), and tau.
NEIGHBOURS: Final = 20
TEMPERATURE: Final = 1000.0

AGGREGATIONS: Final = ("uniform", "similarity", "argmax", "adaptive_d", "adaptive_nd")


class CannotAggregate(ValueError):
    """The aggregation is unknown, or lacks what it weighs by; the message is one sentence."""


class Ensemble:
    """The adapters of one partition, ready to score by any aggregation.

    Args:
        adapters: shard to its A and B. A shard without rows has learnt nothing: leave it out.
        panel: validation rows, whose errors the adaptive weights read.
        centres: shard to the mean hidden state of its rows, which ``similarity`` reads.

    Raises:
        CannotAggregate: if there are no adapters.
    """

    def __init__(
        self,
        base: Base,
        recipe: Recipe,
        *,
        adapters: Mapping[int, tuple[Weights, Weights]],
        panel: Sequence[Row],
        neighbours: int = NEIGHBOURS,
        temperature: float = TEMPERATURE,
        centres: Mapping[int, Tensor] | None = None,
    ) -> None:
        if not adapters:
            raise CannotAggregate("there are no adapters to aggregate.")
        self._top = top_of(base, recipe)
        self._device, self._dtype = base.device, adapter_dtype(base)
        self.shards = tuple(sorted(adapters))
        self._a = self._stacked([adapters[shard][0] for shard in self.shards])  # (K, r, in)
        self._b = self._stacked([adapters[shard][1] for shard in self.shards])  # (K, out, r)
        self._panel = panel
        self._neighbours = neighbours
        self._temperature = temperature
        self._centres = centres

    def score(self, rows: Sequence[Row], aggregation: str, *, batch_size: int = 32) -> list[float]:
        """P(like) of each row, in the order given; rows of like length share a batch.

        - ``uniform`` (SISA): the mean of the adapters' outputs, K passes.
        - ``adaptive_d``: (sum w_k B_k)(sum w_k A_k), w as in ``adaptive_weights``.
        - ``adaptive_nd``: sum w_k B_k A_k, with the same w.
        - ``argmax``: the adapter with the largest of these w alone, the first of equals.
        - ``similarity``: as ``adaptive_nd``, with w as in ``similarity_weights``.

        Raises:
            CannotAggregate: for another name, or for ``similarity`` without centres.
        """
        if aggregation not in AGGREGATIONS:
            raise CannotAggregate(f"there is no aggregation {aggregation!r}.")
        by_length = sorted(range(len(rows)), key=lambda i: len(rows[i].state))
        scores = [0.0] * len(rows)
        for start in range(0, len(rows), batch_size):
            batch = by_length[start : start + batch_size]
            for i, score in zip(
                batch, self._batch([rows[i] for i in batch], aggregation), strict=True
            ):
                scores[i] = score
        return scores

    def adaptive_weights(self, rows: Sequence[Row]) -> Tensor:
        """``(B, K)``: the softmax of -temperature x an adapter's mean error on the nearest rows.

        The nearest are the ``neighbours`` panel rows of the largest cosine of ``hidden``; the
        error is 1 - P(label), since the paper's form is not legible. Uniform for an empty panel.
        """
        return aggregation.weights(
            self._index,
            _hidden(rows),
            neighbours=self._neighbours,
            temperature=self._temperature,
        )

    def similarity_weights(self, rows: Sequence[Row]) -> Tensor:
        """``(B, K)``: the softmax of temperature x the cosine of ``hidden`` and a shard's centre.

        This form is our choice: the paper's is not known to us. The temperature is the same as
        for errors, because the cosines of prompts from one template differ as little.
        """
        if self._centres is None:
            raise CannotAggregate("similarity needs the shards' centres.")
        centres = torch.stack([self._centres[shard] for shard in self.shards])
        distances = clusters.cosine(_hidden(rows), centres.to("cpu", torch.float64))
        return torch.softmax(-self._temperature * distances, dim=1)

    def _batch(self, rows: Sequence[Row], aggregation: str) -> list[float]:
        if aggregation == "uniform":
            each = [self._outputs(rows, a, b) for a, b in self._adapters()]
            mean: list[float] = torch.stack(each).mean(dim=0).tolist()
            return mean
        if aggregation == "similarity":
            w = self.similarity_weights(rows)
        else:
            w = self.adaptive_weights(rows)
        if aggregation == "argmax":
            w = torch.nn.functional.one_hot(w.argmax(dim=1), len(self.shards))
        w = w.to(self._device, self._dtype)
        mixed = self._decomposed(w) if aggregation == "adaptive_d" else self._side_by_side(w)
        scores: list[float] = self._outputs(rows, *mixed).tolist()
        return scores

    def _decomposed(self, w: Tensor) -> tuple[Weights, Weights]:
        """D: one A ``(B, r, in)`` and one B ``(B, out, r)`` a row, each the weighted sum."""
        return (
            {path: torch.einsum("bk,kri->bri", w, a) for path, a in self._a.items()},
            {path: torch.einsum("bk,kor->bor", w, b) for path, b in self._b.items()},
        )

    def _side_by_side(self, w: Tensor) -> tuple[Weights, Weights]:
        """ND: one A ``(K r, in)`` for all rows, and a row's own B ``(B, out, K r)``."""
        return (
            {path: a.flatten(0, 1) for path, a in self._a.items()},
            {path: torch.einsum("bk,kor->bokr", w, b).flatten(2) for path, b in self._b.items()},
        )

    @cached_property
    def _index(self) -> Index:
        """The panel's rows with every adapter's error, computed when first asked for."""
        errors = torch.zeros(len(self._panel), len(self.shards), dtype=torch.float64)
        for column, (a, b) in enumerate(self._adapters()):
            for start in range(0, len(self._panel), 32):
                rows = self._panel[start : start + 32]
                likes = self._outputs(rows, a, b)
                labels = torch.tensor([row.sample.label for row in rows])
                errors[start : start + 32, column] = torch.where(labels, 1 - likes, likes)
        embeddings = _hidden(self._panel) if self._panel else torch.zeros(0, 1)
        return Index(self.shards, embeddings, errors)

    def _adapters(self) -> list[tuple[Weights, Weights]]:
        return [
            (
                {path: a[k] for path, a in self._a.items()},
                {path: b[k] for path, b in self._b.items()},
            )
            for k in range(len(self.shards))
        ]

    def _outputs(self, rows: Sequence[Row], a: Weights, b: Weights) -> Tensor:
        """P(like) ``(B,)`` in float64, on the CPU."""
        with torch.inference_mode():
            logits = self._top.answers([row.state for row in rows], a, b).to("cpu", torch.float64)
            return torch.sigmoid(logits[:, 0] - logits[:, 1])

    def _stacked(self, one_each: Sequence[Weights]) -> Weights:
        return {
            path: torch.stack([one[path] for one in one_each]).to(self._device, self._dtype)
            for path in one_each[0]
        }


def centres(rows: Sequence[Row], assignment: Sequence[int]) -> dict[int, Tensor]:
    """Shard to the mean of its rows' hidden states ``(D,)``, in float64; no empty shards."""
    shards = torch.tensor(assignment)
    hidden = _hidden(rows)
    return {shard: hidden[shards == shard].mean(dim=0) for shard in sorted({*assignment})}


def _hidden(rows: Sequence[Row]) -> Tensor:
    """``(N, D)`` in float64, on the CPU."""
    return torch.stack([row.hidden for row in rows]).to("cpu", torch.float64)
