"""The adapted top of a base model: the last blocks with LoRA, from trunk states to two logits.

Every adapter shares one frozen A, so several adapters mix by mixing their B: u = A x is computed
once, and each row applies a B of its own to it. No merged weight matrix is ever made.
"""

import copy
import hashlib
import math
from collections.abc import Mapping, Sequence
from threading import Lock

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from mlcore import blocks, devices
from mlcore.base_model import Base
from mlcore.recipe import Recipe

Weights = dict[str, Tensor]


class NoSuchModule(ValueError):
    """A block has no linear module of this name, or more than one."""


class BadWeights(ValueError):
    """The adapter's weights do not fit the modules that are adapted."""


class Adapted(nn.Module):
    """A frozen linear module plus ``scale`` B A x, with the A and B it is wearing."""

    def __init__(self, linear: nn.Linear, scale: float) -> None:
        super().__init__()
        self.linear = linear
        self.scale = scale
        self.a: Tensor | None = None  # (r, in) for all rows, or (rows, r, in)
        self.b: Tensor | None = None  # (out, r) for all rows, or (rows, out, r)
        self.w: Tensor | None = None  # (rows, K), where b is (K, out, r) and to be mixed

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x)  # (rows, T, out)
        if self.a is None or self.b is None:
            return y
        # A base over several devices has its adapter on the first of them.
        a, b = self.a.to(x.device), self.b.to(x.device)
        u = _apply(a, x.to(a.dtype))  # (rows, T, r)
        if self.w is not None:
            w = self.w.to(x.device)
            if x.shape[1] == 1 and u.dtype == y.dtype:
                # At one position K products are less to move than K matrices mixed into one.
                each = F.linear(u[:, 0], b.flatten(0, 1)).view(len(w), len(b), -1)  # (rows, K, out)
                return y.baddbmm_(w[:, None], each, alpha=self.scale)
            b = (w @ b.flatten(1)).view(-1, *b.shape[1:])
        if u.dtype != y.dtype:
            return (y + self.scale * _apply(b, u)).to(y.dtype)
        # Into y itself: two more copies of y took as long as all else of an adapter (ADR 16).
        if b.dim() == 2:
            y.view(-1, y.shape[-1]).addmm_(u.view(-1, u.shape[-1]), b.T, alpha=self.scale)
            return y
        return y.baddbmm_(u, b.mT, alpha=self.scale)


def _apply(weight: Tensor, x: Tensor) -> Tensor:
    """``(rows, T, n)`` through one matrix ``(m, n)``, or through one a row ``(rows, m, n)``."""
    return F.linear(x, weight) if weight.dim() == 2 else torch.bmm(x, weight.mT)


class Top:
    """Blocks L-``depth`` to L-1, the final norm, and the answer's two rows of the head.

    Holds a copy of those blocks that shares the base's tensors, so the base itself is never
    touched. Modules are replaced at their exact paths: layer 3 is not layer 30.

    Raises:
        NoSuchModule: unless each block has each target module, once.
    """

    def __init__(
        self, base: Base, depth: int, rank: int, alpha: int, target_modules: Sequence[str]
    ) -> None:
        self.base = base
        self.rank = rank
        self.linears = target_linears(base, depth, target_modules)
        first = base.layers - depth
        self._blocks = copy.deepcopy([*base.model.model.layers[first:]], devices.shared(base.model))
        self._adapted: dict[str, Adapted] = {}
        for path, linear in self.linears.items():
            layer, inside = path.removeprefix("model.layers.").split(".", 1)
            parent, _, name = inside.rpartition(".")
            self._adapted[path] = Adapted(linear, alpha / rank)
            owner = self._blocks[int(layer) - first].get_submodule(parent)
            setattr(owner, name, self._adapted[path])
        head = base.model.get_output_embeddings()
        answers = [base.yes_id, base.no_id]
        with devices.weights_of(head):
            self._head = head.weight[answers].to(base.device)  # (2, D)
            self._head_bias = None if head.bias is None else head.bias[answers].to(base.device)
        # What is worn lives in the modules, so two threads may not run at once.
        self._lock = Lock()

    def answers(
        self, states: Sequence[Tensor], a: Weights, b: Weights, w: Tensor | None = None
    ) -> Tensor:
        """Logits ``(rows, 2)`` of Yes and No; P(like) is the sigmoid of their difference.

        Differentiable in ``a`` and ``b``; our engine keeps ``a`` frozen.

        Args:
            states: a trunk state ``(T, D)`` a row; T may differ, padding goes on the right.
            a: module path to ``(r, in)``, one for all rows, or ``(rows, r, in)``, one for each.
            b: module path to ``(out, r)`` or ``(rows, out, r)`` likewise. Empty for the base
                alone. Several adapters side by side have an r of all their ranks together.
            w: ``(rows, K)``, and then each of ``b`` is ``(K, out, r)``: a row wears their sum,
                weighted by its own.

        Raises:
            BadWeights: if a path is missing or unknown, or a shape is wrong.
        """
        device = self.base.device
        x = nn.utils.rnn.pad_sequence([state.to(device) for state in states], batch_first=True)
        last = torch.tensor([len(state) - 1 for state in states], device=device)
        if b:
            self._check(a, b, rows=len(states) if w is None else w.shape[1])
        with self._lock:
            for path, module in self._adapted.items():
                module.a, module.b, module.w = (a[path], b[path], w) if b else (None, None, None)
            try:
                *body, top = self._blocks
                x = blocks.run(self.base.model, body, x)  # (rows, T, D)
                x = blocks.finish(self.base.model, top, x, last)  # (rows, D)
            finally:
                for module in self._adapted.values():
                    module.a = module.b = module.w = None
        return blocks.logits(self.base.model, x.to(device), self._head, self._head_bias)

    def _check(self, a: Weights, b: Weights, *, rows: int) -> None:
        if a.keys() != self.linears.keys() or b.keys() != self.linears.keys():
            raise BadWeights("the adapter's modules are not the recipe's")
        for path, linear in self.linears.items():
            rank = a[path].shape[-2] if a[path].dim() > 1 else 0
            for name, matrix, one in (
                ("A", a[path], (rank, linear.in_features)),
                ("B", b[path], (linear.out_features, rank)),
            ):
                if matrix.shape not in (one, (rows, *one)) or rank % self.rank:
                    raise BadWeights(f"{path}: {name} has shape {tuple(matrix.shape)}")


def top_of(base: Base, recipe: Recipe) -> Top:
    """The top that a recipe adapts."""
    return Top(base, recipe.depth, recipe.rank, recipe.alpha, recipe.target_modules)


def target_linears(
    base: Base, depth: int, target_modules: Sequence[str]
) -> Mapping[str, nn.Linear]:
    """Exact path, ``model.layers.29.self_attn.q_proj``, to module; by layer, then name.

    Raises:
        NoSuchModule: unless each of the top ``depth`` blocks has each target once.
    """
    if not 1 <= depth <= base.layers:
        raise NoSuchModule(f"there are {base.layers} blocks, so no top {depth}")
    found: dict[str, nn.Linear] = {}
    for layer in range(base.layers - depth, base.layers):
        for target in sorted(target_modules):
            paths = [
                (name, module)
                for name, module in base.model.model.layers[layer].named_modules()
                if name.rpartition(".")[2] == target and isinstance(module, nn.Linear)
            ]
            if len(paths) != 1:
                raise NoSuchModule(f"block {layer} has {len(paths)} linear modules {target}")
            found[f"model.layers.{layer}.{paths[0][0]}"] = paths[0][1]
    return found


def common_a(base: Base, recipe: Recipe) -> Weights:
    """The frozen A that all adapters share: module path to ``(r, in)``, from the public seed.

    Uniform within 1 / sqrt(in), which is LoRA's Kaiming initialisation (arXiv 2106.09685 and its
    code). Each module has a generator of its own, seeded by the recipe's seed and the path right
    before the draw, so that neither order nor anything drawn earlier can matter.
    """
    drawn: Weights = {}
    for path, linear in target_linears(base, recipe.depth, recipe.target_modules).items():
        seed = hashlib.sha256(f"{recipe.seed}/{path}".encode()).digest()
        # Sixty-three bits: manual_seed takes a signed number.
        generator = torch.Generator().manual_seed(int.from_bytes(seed[:8], "big") >> 1)
        uniform = torch.rand(recipe.rank, linear.in_features, generator=generator)
        bound = 1 / math.sqrt(linear.in_features)
        drawn[path] = ((2 * uniform - 1) * bound).to(base.device, adapter_dtype(base))
    return drawn


def no_b(base: Base, recipe: Recipe) -> Weights:
    """The B that training starts from: zeros, module path to ``(out, r)``."""
    return {
        path: torch.zeros(
            linear.out_features, recipe.rank, device=base.device, dtype=adapter_dtype(base)
        )
        for path, linear in target_linears(base, recipe.depth, recipe.target_modules).items()
    }


def adapter_dtype(base: Base) -> torch.dtype:
    """Adapters are kept in float32, also on a base of bfloat16: their steps are small."""
    return torch.float64 if base.dtype == torch.float64 else torch.float32
