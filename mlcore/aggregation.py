"""Which adapters to trust for a sample: an index of errors on a panel, and weights from it.

After APA (arXiv 2404.10327): an adapter weighs more where it erred less on similar samples.
Nothing is fitted: deleting a subject deletes rows, retraining a shard replaces a column.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import safetensors.torch
import torch
from torch import Tensor

from mlcore.lora import Top, Weights


class BadIndex(ValueError):
    """The index's shapes disagree."""


@dataclass
class Index:
    """One row a panel sample, one column a shard; rows in the panel's canonical order.

    ``embeddings`` ``(P, D)`` are ``trunk.embed``'s, ``errors`` ``(P, K)`` are ``panel_error``'s;
    both are held in float32 on the CPU.

    Raises:
        BadIndex: if the shapes disagree or the shards are not ascending.
    """

    shards: tuple[int, ...]
    embeddings: Tensor
    errors: Tensor

    def __post_init__(self) -> None:
        self.embeddings = self.embeddings.detach().to("cpu", torch.float32).contiguous()
        self.errors = self.errors.detach().to("cpu", torch.float32).contiguous()
        if self.embeddings.dim() != 2:
            raise BadIndex(f"embeddings have shape {tuple(self.embeddings.shape)}, not (P, D)")
        expected = (len(self.embeddings), len(self.shards))
        if self.errors.shape != expected:
            raise BadIndex(f"errors have shape {tuple(self.errors.shape)}, not {expected}")
        if list(self.shards) != sorted(set(self.shards)):
            raise BadIndex(f"shards {self.shards} are not ascending")

    @cached_property
    def directions(self) -> Tensor:
        """The embeddings ``(P, D)`` at length one, float64."""
        return torch.nn.functional.normalize(self.embeddings.to(torch.float64), dim=1)


def to_bytes(index: Index) -> bytes:
    """The index as safetensors, the same bytes for the same index."""
    data: bytes = safetensors.torch.save(
        {
            "embeddings": index.embeddings,
            "errors": index.errors,
            "shards": torch.tensor(index.shards, dtype=torch.int64),
        }
    )
    return data


def from_bytes(data: bytes) -> Index:
    """The index that ``to_bytes`` wrote.

    Raises:
        safetensors.SafetensorError: if the bytes are not whole.
    """
    held = {name: tensor.clone() for name, tensor in safetensors.torch.load(data).items()}
    return Index(tuple(held["shards"].tolist()), held["embeddings"], held["errors"])


def digest(index: Index) -> str:
    """SHA-256 of the index's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(to_bytes(index)).hexdigest()


def panel_error(base_top: Top, a: Weights, b: Weights, state: Tensor, label: bool) -> float:
    """1 - P(label): how wrong one adapter is on one panel sample, from 0 to 1.

    The sample is computed alone: in a batch its bits would depend on its neighbours.
    """
    with torch.inference_mode():
        yes, no = base_top.answers([state], a, b)[0].tolist()
    towards = yes - no if label else no - yes
    # The logistic of -towards, in the form that cannot overflow.
    return (1 - math.tanh(towards / 2)) / 2


def weights(index: Index, queries: Tensor, *, neighbours: int, temperature: float) -> Tensor:
    """How much each shard's adapter counts for each query: ``(B, K)``, rows that sum to 1.

    The softmax over shards of -temperature x mean error on the ``neighbours`` panel rows of the
    largest cosine; of equal rows the first counts. Uniform for an empty panel. A query's weights
    depend on that query and the index alone: similarities are computed one query at a time.

    Args:
        queries: ``(B, D)``, ``trunk.embed`` or ``trunk.centre`` of each.
    """
    B, K = len(queries), len(index.shards)
    if not len(index.embeddings) or not B:
        return torch.full((B, K), 1 / K if K else 0.0, dtype=torch.float64)
    # Products one query at a time: in a batch their bits would depend on the others. A query's own
    # length changes no order.
    similar = torch.stack(
        [index.directions @ query for query in queries.to("cpu", torch.float64)]
    )  # (B, P)
    nearest = torch.sort(similar, dim=1, descending=True, stable=True).indices[:, :neighbours]
    return torch.softmax(-temperature * index.errors.to(torch.float64)[nearest].mean(dim=1), dim=1)
