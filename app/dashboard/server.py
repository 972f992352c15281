"""The server's process: loads what the first page needs before it listens, then becomes Streamlit.

Run as ``python -m app.dashboard.server`` with the arguments of ``streamlit``. A page that is asked for while its
imports still run waits for them; a server that does not listen yet costs its first visitor nothing. A store that
another server holds is refused here, with that one's address.
"""

import importlib
import os
import signal
import sys

from streamlit.web.cli import main

from app.held_cache import hold
from app.jobs.limits import confine_server
from app.running import REFUSED
from app.serving import SAMPLES
from app.terminal import refuse
from cache.store import Store, StoreBusy, default_store_root
from engine.errors import RefusedInput

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
    confine_server()
    for name in FIRST_NEEDED:
        importlib.import_module(name)
    try:
        hold(Store(default_store_root(), SAMPLES), os.environ.get("PARETOSCOPE_ADDRESS"))
    except StoreBusy as refusal:
        refuse(str(refusal))
        sys.exit(REFUSED)
    except RefusedInput:
        pass  # A damaged cache is told by every page, with what to do.
    # Once it has stopped, the web server raises the signal anew: ended by it, the process would not close its cache.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    main(prog_name="streamlit")
