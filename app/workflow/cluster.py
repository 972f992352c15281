"""The Ray cluster that a dashboard offers for long work, as whoever started it said.

Nobody types an address on a page: a process believes what its cluster sends, which may be code. So a page only asks
whether the work is done there, and the address is always that of the server's start.
"""

import os
from collections.abc import Mapping
from typing import Any

from app.workflow.options import ON_A_CLUSTER, RAY, options_of_result
from engine.cluster_address import ADD_RAY, AUTO, is_ray_installed

OFFERED = "PARETOSCOPE_RAY"
"""The environment variable that names it; ``--ray`` sets it."""


def offered_cluster(environment: Mapping[str, str] = os.environ) -> str | None:
    """Returns the address of the cluster that pages offer, or ``None``."""
    return environment.get(OFFERED) or None


def cluster_words(address: str) -> str:
    """Returns what a cluster is called."""
    return "Ray cluster of this machine" if address == AUTO else f"Ray cluster {address}"


def begun_where(command: str, options: Mapping[str, Any], on_cluster: bool) -> dict[str, Any]:
    """Returns the options with which a job is begun.

    Args:
        command: of the job.
        options: what is asked for.
        on_cluster: whether the cluster was chosen.
    """
    address = offered_cluster()
    asked = options_of_result(options)
    return {**asked, RAY: address} if on_cluster and address is not None and command in ON_A_CLUSTER else asked


def how_to_offer() -> str:
    """Returns what is to be done for jobs to run on a cluster."""
    add = "" if is_ray_installed() else f" after `{ADD_RAY}`"
    return f"`python -m app --ray HOST:PORT`{add} lets them run on a Ray cluster as well: see docs/scaling.md."
