"""A release as others load it: a PEFT folder for each shard, and one that merges them.

PEFT and vLLM load each folder. vLLM's rules, from its reference (docs.vllm.ai: `vllm.config.lora`
of 0.14, `vllm.lora.peft_helper` of 0.10): LoRA without DoRA, bias or modules that are saved whole;
tensors named as PEFT names them; a rank up to `--max-lora-rank`, which is one of a list. It reads
the layers from the tensors' names and ignores `layers_to_transform`, which PEFT needs.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import torch

from mlcore import adapters, manifest
from mlcore.base_model import Base
from mlcore.lora import Weights
from mlcore.recipe import Recipe
from mlcore.recipe import digest as recipe_digest

RELEASE_FORMAT: Final = "expunge/release/v1"
MERGED_FORMAT: Final = "expunge/merged-manifest/v1"
VLLM_RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # what --max-lora-rank may be


class CannotMerge(ValueError):
    """There are no adapters, or they do not share one A."""


@dataclass(frozen=True)
class Part:
    """One shard's adapter: its safetensors bytes, and its manifest as it was logged."""

    shard: int
    weights: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the weights, 64 hexadecimal digits."""
        return adapters.digest(self.weights)


def merge(recipe: Recipe, parts: Sequence[Part]) -> tuple[Weights, Weights]:
    """A, and B = mix_scale x the mean of the shards' B: the mix of a release without a panel.

    Summed in float64 in the order of the shards, element by element, and rounded once, so the
    bits depend on no machine. Returns module path to ``(r, in)`` and to ``(out, r)``.

    Raises:
        CannotMerge: unless there is a part, and all have the same A, bit for bit.
    """
    pairs = [
        adapters.from_bytes(part.weights) for part in sorted(parts, key=lambda part: part.shard)
    ]
    if not pairs:
        raise CannotMerge("there is no adapter to merge")
    a, first = pairs[0]
    if not all(
        other.keys() == a.keys() and all(torch.equal(other[path], a[path]) for path in a)
        for other, _ in pairs
    ):
        raise CannotMerge("the adapters do not share one A")
    merged: Weights = {}
    for path, one in first.items():
        total = torch.zeros_like(one, dtype=torch.float64)
        for _, b in pairs:
            total += b[path].to(torch.float64)
        merged[path] = (total * (recipe.mix_scale / len(pairs))).to(one.dtype)
    return a, merged


def merged_manifest(
    recipe: Recipe, base: Base, parts: Sequence[Part], *, output: str
) -> dict[str, Any]:
    """What the merged adapter is made of: digests and manifests of its parts, weights, lambda.

    Args:
        output: digest of the merged adapter's bytes.
    """
    return {
        "format": MERGED_FORMAT,
        "recipe": recipe_digest(recipe, base.digest),
        "base": base.digest,
        "mix_scale": repr(recipe.mix_scale),
        "parts": [
            {
                "shard": str(part.shard),
                "weight": str(Fraction(1, len(parts))),
                "adapter": part.digest,
                "manifest": hashlib.sha256(part.manifest).hexdigest(),
            }
            for part in sorted(parts, key=lambda part: part.shard)
        ],
        "output": output,
    }


def peft_config(recipe: Recipe, base: Base) -> dict[str, Any]:
    """``adapters.peft_config``, with a base that tells a stranger something.

    The recipe may name a folder of this machine. Its last part and the base's digest say more,
    and are no name of a model hub's, so that no loader fetches another model by it.
    """
    name = f"{Path(recipe.base).name}@sha256:{base.digest}"
    return {**adapters.peft_config(recipe, base), "base_model_name_or_path": name}


def write(
    folder: Path, *, recipe: Recipe, base: Base, kind: str, live: str, parts: Sequence[Part]
) -> bytes:
    """Write a release into an existing folder, and return the bytes of its ``release.json``.

    ``shard-K/`` and ``merged/`` hold ``adapter_config.json``, ``adapter_model.safetensors`` and
    ``manifest.json``. ``release.json`` comes last and names every file by its SHA-256. The same
    release gives the same bytes.

    Args:
        kind: whether the release is at full strength, as the platform calls it.
        live: the release's live digest.

    Raises:
        CannotMerge: as ``merge``.
    """
    whole = adapters.to_bytes(*merge(recipe, parts))
    made = merged_manifest(recipe, base, parts, output=adapters.digest(whole))
    folders = {f"shard-{part.shard}": (part.weights, part.manifest) for part in parts}
    for name, (weights, body) in sorted(
        {**folders, "merged": (whole, manifest.canonical(made))}.items()
    ):
        adapters.write(folder / name, weights=weights, config=peft_config(recipe, base))
        (folder / name / "manifest.json").write_bytes(body)
    document = manifest.canonical(
        {
            "format": RELEASE_FORMAT,
            "kind": kind,
            "live": live,
            "recipe": recipe_digest(recipe, base.digest),
            "base": base.digest,
            "max_lora_rank": max_lora_rank(recipe.rank),
            "files": _digests(folder),
        }
    )
    (folder / "release.json").write_bytes(document)
    return document


def max_lora_rank(rank: int) -> str | None:
    """The least ``--max-lora-rank`` with which vLLM loads a rank, or None if none is enough."""
    return next((str(most) for most in VLLM_RANKS if rank <= most), None)


def _digests(folder: Path) -> Mapping[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): adapters.digest(file.read_bytes()) for file in files
    }
