"""What must be fixed so that the same inputs give the same bits, and the record of it.

The flags are set when this module is imported, because MKL and OpenMP read them at their first
call. torch is imported inside the functions only, so that a process that needs just the
partition never pays for it.
"""

import os
from typing import Final

# Raise it with any change that changes the bits of an adapter or of the aggregation index.
CODE_VERSION: Final = "2"

FLAGS: Final = {
    # Conditional bitwise reproducibility. Without it MKL's matrix-vector product gives different
    # bits for different memory alignments of the same numbers (measured: three results for
    # sixteen alignments); AUTO gives one, at the same speed, on Intel and AMD alike.
    "MKL_CBWR": "AUTO",
    # The thread count decides how sums are cut, so no library may lower it under load.
    "MKL_DYNAMIC": "FALSE",
    "OMP_DYNAMIC": "FALSE",
    # cuBLAS is deterministic only with a fixed workspace (NVIDIA, cuBLAS, "Reproducibility").
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}

for _name, _value in FLAGS.items():
    os.environ.setdefault(_name, _value)
# Decides no bits, so it is no flag of the environment. Threads that spin long while they wait cost
# two processes on two cores a factor of three; threads that never spin cost one process alone a
# factor of two; some microseconds cost neither (measured, ADR 11).
os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def settle(threads: int) -> None:
    """Make torch deterministic in this process, on ``threads`` CPU threads. Safe to repeat."""
    import torch

    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(threads)
    # Per thread in torch, so the only setting that pool threads surely share is the default.
    torch.set_flush_denormal(False)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    if torch.cuda.is_available():
        # The fused kernels' backward passes add up in the order in which blocks finish.
        torch.backends.cuda.enable_flash_sdp(False)
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cuda.enable_cudnn_sdp(False)


def environment() -> dict[str, str]:
    """Everything about this process that may decide bits, as strings; goes into manifests."""
    import torch
    import transformers

    on_cuda = torch.cuda.is_available()
    return {
        "code": CODE_VERSION,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "device": torch.cuda.get_device_name() if on_cuda else "cpu",
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda or "none",
        "threads": str(torch.get_num_threads()),
        "deterministic": str(torch.are_deterministic_algorithms_enabled()).lower(),
        **{name.lower(): os.environ[name] for name in FLAGS},
    }
