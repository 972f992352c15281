"""The server's process: loads what the first page needs before it listens, then becomes Streamlit.

Run as ``python -m app.dashboard.server`` with the arguments of ``streamlit``. A page that is asked for while its
imports still run waits for them; a server that does not listen yet costs its first visitor nothing.
"""

import importlib

from streamlit.web.cli import main

FIRST_NEEDED = (
    "app.figures",
    "app.jobs",
    "app.workflow.catalogue",
    "app.workflow.ceiling_view",
    "app.workflow.improve_view",
    "cache.cache",
)
"""What components import; not the components themselves, whose caches need a server that runs."""

if __name__ == "__main__":
    for name in FIRST_NEEDED:
        importlib.import_module(name)
    main(prog_name="streamlit")
