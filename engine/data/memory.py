"""What data may take in memory: known before anything is allocated, from what a file says of itself.

A file of a few megabytes can unpack to more than any machine has. The kernel would end the
process without a word; so sizes are compared with the limit first, and the refusal names the file.
"""

import os
import resource

from engine.errors import RefusedInput


def most_bytes() -> int:
    """Returns how many bytes data of this process may take: its own limit for data, or the machine's memory."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    own, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return machine if own == resource.RLIM_INFINITY else min(own, machine)


def refuse_beyond_memory(size: int, name: str) -> None:
    """Refuses data that cannot be held.

    Args:
        size: bytes that they unpack to.
        name: what messages call them.

    Raises:
        RefusedInput: if it is more than :func:`most_bytes`.
    """
    most = most_bytes()
    if size > most:
        raise RefusedInput(
            f"{name} would take {size:,} bytes of memory, and {most:,} are allowed",
            "data that fit into memory",
            "Make the file smaller, set resize in [data.transform] for pictures, or use a machine with more memory",
        )
