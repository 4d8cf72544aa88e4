"""Where the parts of a base lie, for one that is larger than a GPU.

A device map is accelerate's: module names to devices, "cpu" and "disk" among them. Its hooks move
a block's inputs to the block, and fetch the weights of a block that lies on "cpu" or "disk" for
each pass. More than one GPU is untested here: there is none. Tested is the same code with blocks
on disk.
"""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import align_module_device

from mlcore import determinism
from mlcore.base_files import UnsupportedBase

DeviceMap = str | dict[str, str | int]


class BadDeviceMap(UnsupportedBase):
    """The device map cannot be used; the message is one sentence."""


def read(setting: str) -> DeviceMap | None:
    """A setting's device map: none for "", "auto", or the JSON object of a file's path.

    Raises:
        BadDeviceMap: if the file is not there, or is no map of module names to devices.
    """
    if setting in ("", "auto"):
        return setting or None
    try:
        read = json.loads(Path(setting).read_text("utf-8"))
    except (OSError, ValueError):
        raise BadDeviceMap(f"the device map {setting} cannot be read as a JSON file") from None
    if not isinstance(read, dict) or not read:
        raise BadDeviceMap(f"the device map {setting} must be an object of modules and devices")
    for module, device in read.items():
        if not isinstance(device, str | int) or isinstance(device, bool):
            raise BadDeviceMap(f"the device map {setting} puts {module!r} on {device!r}, no device")
    return read


def of(module: Any, otherwise: torch.device) -> torch.device:
    """Where a module that may have a hook of accelerate's computes."""
    hook = getattr(module, "_hf_hook", None)
    device = getattr(hook, "execution_device", None)
    return otherwise if device is None else torch.device(device)


def weights_of(module: Any) -> AbstractContextManager[None]:
    """A context in which the module's own weights can be read, wherever they lie."""
    held: AbstractContextManager[None] = align_module_device(module)
    return held


def shared(model: Any) -> dict[int, Any]:
    """What a copy of the model's modules must not copy, by id: its tensors, however they lie."""
    kept: list[Any] = [*model.parameters(), *model.buffers()]
    for module in model.modules():
        if hook := getattr(module, "_hf_hook", None):
            kept += [getattr(hook, name, None) for name in ("weights_map", "tied_params_map")]
    return {id(one): one for one in kept if one is not None}


def check(model: Any) -> None:
    """See that all that computes is of the kind that manifests record.

    Then where a block lies decides no bits, and the map is no part of the environment: GPUs of
    one kind compute alike, and what lies on "cpu" or "disk" beside a GPU is computed on it.

    Raises:
        BadDeviceMap: if a device is of another kind, or a head that is tied to the embeddings is
            put elsewhere than they are.
    """
    placed = getattr(model, "hf_device_map", {})
    tied = {placed[name] for name in ("lm_head", "model.embed_tokens") if name in placed}
    if model.config.tie_word_embeddings and len(tied) > 1:
        raise BadDeviceMap("the device map parts lm_head from model.embed_tokens, which are one")
    named = {
        kind(of(module, parameter.device))
        for module in model.modules()
        for parameter in module.parameters(recurse=False)
    }
    here = determinism.environment()["device"]
    if others := sorted(named - {here}):
        raise BadDeviceMap(f"the device map computes on {others[0]}, the rest of the run on {here}")


def kind(device: torch.device) -> str:
    """A device's kind, as the environment records it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
