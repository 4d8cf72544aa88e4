"""Folders that a base model is opened from: converted from GGUF, or tiny and random for tests.

Every folder is written beside its place and renamed, so one that exists is complete; one that
exists is left as it is.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging


class UnsupportedBase(ValueError):
    """This model or tokenizer cannot be used as a base; the message is one line."""


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write a GGUF file as a folder that ``base_model.open_base`` opens, in float32.

    Raises:
        UnsupportedBase: if transformers cannot read the file as a causal language model.
    """
    if folder.exists():
        return
    try:
        with quietly():
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent, gguf_file=gguf.name, dtype=torch.float32
            )
    except Exception as error:  # of many libraries, with no type in common
        raise UnsupportedBase(f"{gguf}: no model opens: {first_line(error)}") from error
    with complete(folder) as draft:
        tokenizer.save_pretrained(draft)
        write_model(model, draft)


def make_tiny(folder: Path, *, seed: int, layers: int = 3) -> None:
    """Write a tiny random Llama with a tokenizer of single bytes.

    Its weights are drawn wider than a trained model's, so that training B moves its scores.
    """
    if folder.exists():
        return
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    config = LlamaConfig(
        vocab_size=len(alphabet),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        initializer_range=0.2,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    with complete(folder) as draft:
        PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(draft)
        write_model(model, draft)


def write_model(model: Any, folder: Path) -> None:
    """Save the weights and the configuration, the same bytes for the same model.

    A head that is tied to the embeddings is not written: loading ties it again.
    """
    state: dict[str, Tensor] = model.state_dict()
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.architectures = [type(model).__name__]
    config.save_pretrained(folder)


@contextmanager
def complete(folder: Path) -> Iterator[Path]:
    """A draft folder that takes its name when the block ends without an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield draft
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def first_line(error: Exception) -> str:
    """What an error of another library says, as far as a sentence of ours can hold it."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def quietly() -> Iterator[None]:
    """Loading draws a progress bar on stderr; callers have their own."""
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
