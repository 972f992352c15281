"""The connection to a Ray cluster, and what its machines offer. Ray itself is imported by ``ray_*`` alone."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import engine
from engine.cluster_address import AUTO, check_address
from engine.errors import RefusedInput

CONNECT_SECONDS = 10.0
"""That the head of a cluster may take to accept a connection."""
_START = "Start one with `ray start --head`, see docs/scaling.md"


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects this process to a cluster for as long as the context lasts; one that is connected already stays so.

    The cluster's machines get the engine's code from here, so that they need its dependencies only.

    Args:
        address: ``auto``, or ``HOST:PORT`` of the cluster's head.

    Raises:
        RefusedInput: if the address is none, Ray is not installed, nothing answers there, or it does not let us in.
    """
    check_address(address)
    # A call after the end of the connection must not start a cluster of its own.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    import ray

    if ray.is_initialized():
        at = ray.get_runtime_context().gcs_address
        if address not in (AUTO, at):
            raise ValueError(f"this process is connected to {at} already, not to {address}")
        yield
        return
    if address != AUTO:
        _check_answers(address)
    # Ray takes SIGTERM for itself; who runs us has told what a stop is.
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"py_modules": [str(Path(engine.__file__).parent)], "excludes": ["**/__pycache__"]},
        )
    except Exception as error:
        raise _told(address, error) from error
    finally:
        # Not in the main thread: Ray could not take it either.
        with suppress(ValueError):
            signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()


@dataclass(frozen=True)
class Room:
    """What one task takes of a machine.

    Attributes:
        cpus: processors.
        gpus: GPUs.
        memory: bytes.
    """

    cpus: int
    gpus: int
    memory: int

    def on(self, offered: dict[str, float]) -> int:
        """Returns how many such tasks a machine has room for at once."""
        pairs = (("CPU", self.cpus), ("GPU", self.gpus), ("memory", self.memory))
        return int(min(offered.get(kind, 0.0) // asked for kind, asked in pairs if asked))


def places(room: Room) -> int:
    """Returns how many tasks the machines of the cluster have room for at once, if nobody else uses them."""
    return sum(room.on(offered) for offered in machines())


def machines() -> list[dict[str, float]]:
    """Returns what each living machine of the cluster offers: ``CPU``, ``GPU`` and ``memory`` in bytes."""
    import ray

    return [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]


def no_machine(room: Room) -> RefusedInput:
    """Returns the refusal of a task that no machine of the cluster has room for."""
    offered = "; ".join(_words(one.get("CPU", 0), one.get("GPU", 0), one.get("memory", 0)) for one in machines())
    return RefusedInput(
        f"no machine of the Ray cluster has room for a task: they offer {offered or 'nothing'}",
        f"a machine with {_words(room.cpus, room.gpus, room.memory)}",
        "A task takes as many CPUs as torch has threads here: set [compute] threads lower, or workers higher, or add "
        "such a machine to the cluster",
    )


def _words(cpus: float, gpus: float, memory: float) -> str:
    return f"{cpus:g} CPUs, {gpus:g} GPUs and {memory / 1e9:.1f} GB of memory"


def _check_answers(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS):
            pass
    except OSError as error:
        raise _told(address, error) from error


def _told(address: str, error: Exception) -> RefusedInput:
    where = "this machine is a node of no Ray cluster" if address == AUTO else f"no Ray cluster lets us in at {address}"
    return RefusedInput(
        f"{where}: {' '.join(str(error).split())[:300]}",
        "a running cluster of the same Ray and Python, which this machine is a node of, and its token",
        f"{_START}; on further machines `ray start --address=HOST:PORT`. Where it has a token: "
        "`export RAY_AUTH_MODE=token`, and the token in ~/.ray/auth_token",
    )
