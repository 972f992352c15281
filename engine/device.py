"""Where the work runs: the processor or the GPU, and how many threads."""

import torch

from engine.errors import RefusedInput
from engine.study import Compute

# What torch starts with (it honours OMP_NUM_THREADS): the meaning of ``threads = 0``,
# also after an earlier study of the same process asked for fewer.
_ALL_THREADS = torch.get_num_threads()


def resolve_device(compute: Compute) -> torch.device:
    """Returns the device that a study asks for and sets the number of CPU threads.

    The last bits of sums depend on the number of threads, so it is set here, once,
    wherever a computation starts.

    Args:
        compute: the study's ``[compute]`` table; ``auto`` takes a GPU where there is one.

    Raises:
        RefusedInput: if a GPU is asked for and torch sees none.
    """
    torch.set_num_threads(compute.threads or _ALL_THREADS)
    has_gpu = torch.cuda.is_available()
    if compute.device == "cuda" and not has_gpu:
        raise RefusedInput(
            "[compute] device is 'cuda' but torch sees no GPU",
            "a machine with a GPU and its driver",
            "Set device = 'auto' or 'cpu' in the study file",
        )
    return torch.device("cuda" if has_gpu and compute.device != "cpu" else "cpu")
