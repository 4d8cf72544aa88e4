"""The base model: a folder of safetensors that transformers loads, known by its content.

Opening reads the given folder only; nothing is downloaded.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import LongTensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from mlcore import blocks, determinism, manifest
from mlcore.base_files import convert_gguf as convert_gguf
from mlcore.base_files import make_tiny as make_tiny
from mlcore.base_files import quietly

# Any text that ends as every prompt does; the answers are looked up behind it.
PROBE: Final = "Will this person like it?\nAnswer:"
# What a configuration says about where it came from, or how it is held, decides no result.
INCIDENTAL: Final = ("_name_or_path", "transformers_version", "quantization_config", "dtype")


class UnsupportedBase(ValueError):
    """This folder's model or tokenizer cannot be used as a base."""


class PromptTooLong(ValueError):
    """The prompt has more tokens than the model attends to."""


@dataclass
class Base:
    """A frozen language model that says Yes or No, and the digest that it is known by.

    ``lead`` holds the tokens between a prompt and the answer's first telling token. Most
    tokenizers need none; one of single bytes needs the space.
    """

    model: Any
    tokenizer: Any
    digest: str
    device: torch.device
    yes_id: int
    no_id: int
    lead: list[int] = field(default_factory=list)

    @property
    def layers(self) -> int:
        """L, the number of blocks."""
        return len(self.model.model.layers)

    @property
    def hidden(self) -> int:
        """D, the width of a hidden state."""
        return int(self.model.config.hidden_size)

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are held in."""
        held: torch.dtype = self.model.model.embed_tokens.weight.dtype
        return held

    def encode(self, prompt: str) -> LongTensor:
        """Token ids ``(T,)`` on the base's device; what follows them is Yes or No.

        Raises:
            PromptTooLong: for more tokens than positions, or than the attention window.
        """
        ids = [*self.tokenizer(prompt)["input_ids"], *self.lead]
        config = self.model.config
        longest = min(
            config.max_position_embeddings,
            getattr(config, "sliding_window", None) or config.max_position_embeddings,
        )
        if len(ids) > longest:
            raise PromptTooLong(f"a prompt of {len(ids)} tokens exceeds the model's {longest}")
        return torch.tensor(ids, dtype=torch.long, device=self.device)  # type: ignore[return-value]


def open_base(folder: Path, *, dtype: str, threads: int) -> Base:
    """Load a base model, on CUDA where there is one, with torch settled on ``threads``.

    The digest is the SHA-256 of canonical JSON over the configuration, the SHA-256 of every
    weights file and of the tokenizer, and the tokens of a probe (its settings live in more files
    than one).

    Raises:
        UnsupportedBase: if there are no safetensors, no way to tell Yes from No, or the blocks
            are not of the Llama shape.
    """
    determinism.settle(threads)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "tokenizer.json").exists():
        raise UnsupportedBase(f"{folder} holds no safetensors, or no tokenizer.json")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with quietly():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        try:
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
                attn_implementation="sdpa",
                use_safetensors=True,
                local_files_only=True,
            )
        except ValueError as error:
            raise UnsupportedBase(f"{folder}: {error}") from error
    model = model.to(device).eval().requires_grad_(False)
    lead, yes_id, no_id = _answers(tokenizer)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    digest = manifest.digest(
        {
            "config": json.dumps(
                {key: config[key] for key in config if key not in INCIDENTAL}, sort_keys=True
            ),
            "weights": {file.name: _sha256(file) for file in weights},
            "tokenizer": _sha256(folder / "tokenizer.json"),
            "probe": [*tokenizer(PROBE)["input_ids"], *lead, yes_id, no_id],
        }
    )
    base = Base(model, tokenizer, digest, device, yes_id, no_id, lead)
    if not blocks.agrees(model, base.encode(PROBE)):
        raise UnsupportedBase(f"{folder}: a {model.config.model_type} is not of the Llama shape")
    return base


def _answers(tokenizer: Any) -> tuple[list[int], int, int]:
    """The tokens that Yes and No share behind a prompt, then the first that tells them apart."""
    prompt, yes, no = (tokenizer(PROBE + end)["input_ids"] for end in ("", " Yes", " No"))
    shared = 0
    while shared < min(len(yes), len(no)) and yes[shared] == no[shared]:
        shared += 1
    if yes[: len(prompt)] != prompt or not len(prompt) <= shared < min(len(yes), len(no)):
        raise UnsupportedBase("the tokenizer does not put Yes and No behind a prompt's own tokens")
    return yes[len(prompt) : shared], yes[shared], no[shared]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
