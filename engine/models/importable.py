"""Whether a model can be sent to another process, which has to find the classes of its modules."""

import importlib.util

from torch import nn


def is_importable(model: nn.Module) -> bool:
    """Returns whether another process can import the classes of a model: those of a user's own file it cannot."""
    return all(importlib.util.find_spec(type(module).__module__.partition(".")[0]) for module in model.modules())
