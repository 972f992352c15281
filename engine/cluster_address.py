"""The address of a Ray cluster, and whether Ray is here: what can be told without torch, Ray or a connection.

Ray is an optional dependency: everything works without it, and who asks for a cluster is told how to add it.
"""

import importlib.util

from engine.errors import RefusedInput

AUTO = "auto"
"""The address of the cluster that this machine is a node of."""
ADD_RAY = "pip install -r requirements-ray.txt"
"""The command that adds what a cluster needs."""


def is_ray_installed() -> bool:
    """Returns whether Ray can be imported, without importing it."""
    return importlib.util.find_spec("ray") is not None


def check_address(address: str) -> None:
    """Checks what can be told of an address without connecting.

    Raises:
        RefusedInput: if it is not ``auto`` or ``HOST:PORT``, or Ray is not installed.
    """
    host, _, port = address.rpartition(":")
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 2**16
    if address != AUTO and not (host and is_port and "/" not in host and not host.startswith("-")):
        raise RefusedInput(
            f"the address of the Ray cluster is {address[:80]!r}",
            "'auto', or HOST:PORT of its head, such as 10.0.0.1:6379",
            "Give that which `ray start --head` printed; a ray:// address is of another kind, which is not used here",
        )
    if not is_ray_installed():
        raise RefusedInput(
            "Ray is not installed, and a cluster was asked for",
            "the optional packages of requirements-ray.txt",
            f"Add them with `{ADD_RAY}`, or go without a cluster",
        )
