"""Blocks that multiply in fewer bits, for a trunk that need not be as exact as what is trained.

Exact here means near the float32 model. The result is a function of its input bit for bit, as
every other: int8 products are summed in whole numbers, so no order of summation can show.
"""

import copy
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

LEVELS: Final = 127  # either side of zero


class CannotNarrow(ValueError):
    """This trunk cannot be computed in this dtype here; the message is one sentence."""


class Int8Linear(nn.Module):
    """A linear module of int8 weights, one scale an output, on activations of one scale a row.

    Symmetric and dynamic: a row's scale is its largest magnitude / 127, so it depends on that row
    alone (vector-wise as in LLM.int8, arXiv 2208.07339, without its outliers in 16 bits).
    """

    weight: Tensor  # (in, out), int8
    scale: Tensor  # (out,), float32
    bias: Tensor | None  # (out,), float32

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().to(torch.float32)
        scale = _scale(weight)
        # Column-major, as the product reads it.
        self.register_buffer("weight", (weight / scale).round().to(torch.int8).T)
        self.register_buffer("scale", scale[:, 0])
        bias = linear.bias
        self.register_buffer("bias", None if bias is None else bias.detach().to(torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """``(..., in)`` to ``(..., out)``, in x's dtype."""
        rows = x.flatten(0, -2).to(torch.float32)
        scale = _scale(rows)  # (rows, 1)
        summed = torch._int_mm((rows / scale).round_().to(torch.int8), self.weight)  # int32
        y = (summed * scale).mul_(self.scale)
        if self.bias is not None:
            y = y.add_(self.bias)
        return y.to(x.dtype).view(*x.shape[:-1], -1)


def _scale(rows: Tensor) -> Tensor:
    """What one step of int8 is worth in each row, ``(rows, 1)``; for a row of zeros, anything."""
    largest: Tensor = torch.linalg.vector_norm(rows, torch.inf, dim=1, keepdim=True)
    return largest.div_(LEVELS).clamp_(min=torch.finfo(torch.float32).tiny)


# A model's blocks by dtype and layer: converting takes longer than a pass through them.
_CONVERTED: WeakKeyDictionary[Any, dict[tuple[str, int], nn.Module]] = WeakKeyDictionary()
_LOCK = Lock()


def lowest(model: Any, count: int, dtype: str) -> list[nn.Module]:
    """The ``count`` lowest blocks of a model, to compute in ``dtype``; the model stays as it is.

    Of int8, the linear modules are, and norms, attention and residuals stay in the model's dtype.
    Any other dtype is that of the whole block. Converted once a process, and kept while the model
    is.

    Raises:
        CannotNarrow: as ``check``.
    """
    with _LOCK:
        converted = _CONVERTED.setdefault(model, {})
        check(model, dtype)
        for layer, block in enumerate(model.model.layers[:count]):
            if (dtype, layer) not in converted:
                converted[dtype, layer] = _convert(block, dtype)
        return [converted[dtype, layer] for layer in range(count)]


def check(model: Any, dtype: str) -> None:
    """See that a model's blocks can be computed in ``dtype``, before any is.

    Raises:
        CannotNarrow: if the model has a device map, whose hooks would go on fetching the weights
            as they were; or, for int8, if the processor adds up products in 16 bits, where sums
            saturate (oneDNN, "Nuances of int8 computations").
    """
    if dtype and hasattr(model, "hf_device_map"):
        raise CannotNarrow(f"a trunk of {dtype} needs a base that lies on one device")
    if dtype == "int8":
        most = torch.full((32, 64), LEVELS, dtype=torch.int8, device=model.device)
        if not bool((torch._int_mm(most, most.T) == 64 * LEVELS**2).all()):
            raise CannotNarrow("this processor's int8 products saturate, so no trunk of int8")


def _convert(block: nn.Module, dtype: str) -> nn.Module:
    if dtype != "int8":
        whole: nn.Module = copy.deepcopy(block).to(getattr(torch, dtype))
        return whole
    linears = [(path, m) for path, m in block.named_modules() if isinstance(m, nn.Linear)]
    # What is not replaced shares the model's tensors.
    memo: dict[int, object] = {id(t): t for t in [*block.parameters(), *block.buffers()]}
    copied = copy.deepcopy(block, memo)
    for path, linear in linears:
        parent, _, name = path.rpartition(".")
        setattr(copied.get_submodule(parent), name, Int8Linear(linear))
    return copied
