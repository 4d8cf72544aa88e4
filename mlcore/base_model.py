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

from mlcore import blocks, determinism, devices, manifest
from mlcore.base_files import UnsupportedBase as UnsupportedBase
from mlcore.base_files import convert_gguf as convert_gguf
from mlcore.base_files import first_line, quietly
from mlcore.base_files import make_tiny as make_tiny
from mlcore.recipe import BadRecipe, Recipe

# Any text that ends as every prompt does; the answers are looked up behind it.
PROBE: Final = "Will this person like it?\nAnswer:"
# What a configuration says about where it came from, or how it is held, decides no result.
INCIDENTAL: Final = ("_name_or_path", "transformers_version", "quantization_config", "dtype")
# torch's own attention has no cap on its scores, so these take transformers'.
EAGER: Final = ("gemma2",)


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


def open_base(
    folder: Path, *, dtype: str, threads: int, device_map: devices.DeviceMap | None = None
) -> Base:
    """Load a base model, on CUDA where there is one, with torch settled on ``threads``.

    Args:
        device_map: which device each part lies on, for a base that one GPU cannot hold
            (``devices``). It decides no bits. With parts on "cpu" or "disk" beside where it
            computes, a base serves one thread at a time, and slowly.

    Raises:
        UnsupportedBase: if there are no whole safetensors of a causal language model, no
            tokenizer, no way to tell Yes from No, or the blocks are of a shape that ``blocks``
            does not know.
        BadDeviceMap: if the map computes on devices of different kinds.
    """
    determinism.settle(threads)
    digest = digest_of(folder)
    tokenizer = _tokenizer(folder)
    lead, yes_id, no_id = _answers(tokenizer)
    model = _model(folder, dtype, device_map)
    held = model.model.embed_tokens if hasattr(model, "model") else model
    if device_map is None:
        model.to("cuda" if torch.cuda.is_available() else "cpu")
    else:
        devices.check(model)
    device = devices.of(held, next(model.parameters()).device)
    ids = torch.tensor([*tokenizer(PROBE)["input_ids"], *lead], device=device)
    if not blocks.agrees(model, ids):
        raise UnsupportedBase(
            f"{folder}: the blocks of {model.config.model_type} are of no shape that is run here"
        )
    return Base(model, tokenizer, digest, device, yes_id, no_id, lead)


def digest_of(folder: Path) -> str:
    """A base's digest, 64 hexadecimal digits, without its weights being loaded.

    The SHA-256 of canonical JSON over the configuration, the SHA-256 of every weights file, of
    what says which file holds which, and of the tokenizer, and the tokens of a probe (a
    tokenizer's settings live in more files than one).

    Raises:
        UnsupportedBase: if a file is missing, or the tokenizer is no use.
    """
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "tokenizer.json").exists():
        raise UnsupportedBase(f"{folder} holds no safetensors, or no tokenizer.json")
    weights += sorted(folder.glob("*.safetensors.index.json"))
    config = _config(folder)
    tokenizer = _tokenizer(folder)
    lead, yes_id, no_id = _answers(tokenizer)
    return manifest.digest(
        {
            "config": json.dumps(
                {key: config[key] for key in config if key not in INCIDENTAL}, sort_keys=True
            ),
            "weights": {file.name: _sha256(file) for file in weights},
            "tokenizer": _sha256(folder / "tokenizer.json"),
            "probe": [*tokenizer(PROBE)["input_ids"], *lead, yes_id, no_id],
        }
    )


def insist(recipe: Recipe, digest: str) -> None:
    """See that a base is the one that a recipe insists on, if it insists on one.

    Raises:
        BadRecipe: if it is another.
    """
    if recipe.base_sha256 not in ("", digest):
        raise BadRecipe(
            f"base_sha256 {recipe.base_sha256[:16]}... is not the digest of {recipe.base}, "
            f"which is {digest}."
        )


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        names = config.get("architectures") or []
    except (OSError, ValueError, AttributeError):
        raise UnsupportedBase(f"{folder} holds no config.json that can be read") from None
    if names and not any(name.endswith("ForCausalLM") for name in names):
        raise UnsupportedBase(f"{folder} holds a {names[0]}, which is no causal language model")
    # It would change the weights at loading, and the digest is of the files.
    if config.get("quantization_config"):
        raise UnsupportedBase(f"{folder} holds quantised weights; dequantise them, or use a GGUF")
    return config


def _tokenizer(folder: Path) -> Any:
    try:
        with quietly():
            return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # what the tokenizers raise has no type of its own
        raise UnsupportedBase(f"{folder}: no tokenizer opens: {first_line(error)}") from error


def _model(folder: Path, dtype: str, device_map: devices.DeviceMap | None) -> Any:
    """The frozen model, with every weight out of the folder."""
    model_type = _config(folder).get("model_type")
    try:
        with quietly():
            model, found = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
                attn_implementation="eager" if model_type in EAGER else "sdpa",
                use_safetensors=True,
                local_files_only=True,
                device_map=device_map,
                output_loading_info=True,
            )
    except Exception as error:  # of many libraries, with no type in common
        raise UnsupportedBase(f"{folder}: no model opens: {first_line(error)}") from error
    # What is missing would be drawn at random, and be another model at every opening.
    for what in ("missing_keys", "mismatched_keys"):
        if wrong := sorted(map(str, found[what])):
            raise UnsupportedBase(f"{folder}: of {wrong[0]} there is no weight, or a misshapen one")
    return model.eval().requires_grad_(False)


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
