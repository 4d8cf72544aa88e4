"""Rows kept on disk: what the untuned model makes of a prompt is computed once."""

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from mlcore import blocks, determinism, manifest, trunk
from mlcore.base_model import Base
from mlcore.benchmark import files
from mlcore.recipe import Recipe
from mlcore.rows import Owned, Row


class Store:
    """Trunk states and last hidden states, by prompt, in memory and under a folder.

    Each is named by ``trunk.state_key`` with the environment, so nothing that another machine
    or recipe made is ever read.
    """

    def __init__(self, base: Base, recipe: Recipe, folder: Path) -> None:
        self._base = base
        self._recipe = recipe
        self._folder = folder
        self._environment = manifest.digest(determinism.environment())
        self._held: dict[str, tuple[Tensor, Tensor]] = {}

    def state(self, prompt: str) -> Tensor:
        """The trunk state ``(T, D)`` of a prompt."""
        return self._both(prompt)[0]

    def hidden(self, prompt: str) -> Tensor:
        """The last position ``(D,)`` after the final norm, with no adapter, in float32."""
        return self._both(prompt)[1]

    def row(self, owned: Owned) -> Row:
        """The row with what the untuned model makes of it."""
        state, hidden = self._both(owned.sample.prompt)
        return Row(owned.subject, owned.item, owned.sample, owned.closure, state, hidden)

    def file(self, prompt: str) -> Path:
        """Where a prompt's tensors are kept."""
        key = trunk.state_key(
            self._base.digest,
            prompt,
            depth=self._recipe.depth,
            dtype=self._recipe.dtype,
            trunk_dtype=self._recipe.trunk_dtype,
            environment=self._environment,
        )
        return self._folder / key[:2] / f"{key}.safetensors"

    def _both(self, prompt: str) -> tuple[Tensor, Tensor]:
        if prompt not in self._held:
            file = self.file(prompt)
            if not file.exists():
                state = trunk.state_of(self._base, self._recipe, prompt)
                made = {"state": state.cpu(), "hidden": _hidden(self._base, self._recipe, state)}
                files.write(file, safetensors.torch.save(made))
            held = safetensors.torch.load(file.read_bytes())
            # Copies: a view into the file's bytes would start at any address.
            self._held[prompt] = held["state"].clone(), held["hidden"].clone()
        return self._held[prompt]


def _hidden(base: Base, recipe: Recipe, state: Tensor) -> Tensor:
    """``(D,)`` in float32, of one sample alone, like its state."""
    *body, top = base.model.model.layers[base.layers - recipe.depth :]
    with torch.inference_mode():
        x = blocks.run(base.model, body, state[None])
        last = torch.tensor([len(state) - 1], device=base.device)
        x = blocks.finish(base.model, top, x, last)
    return x[0].to("cpu", torch.float32).clone()
