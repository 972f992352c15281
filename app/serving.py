"""Starting the dashboard's server, bound to this machine unless that is asked for otherwise."""

import os
import sys
from pathlib import Path

from app.jobs.limits import JobLimits, task_hours
from app.workflow.access import (
    THIS_MACHINE,
    allowed_hosts,
    is_this_machine_only,
    login_of,
    open_to_others,
    secrets_files,
    url_of,
)
from app.workflow.cluster import OFFERED
from cache.store import Store
from engine.cluster_address import check_address

_ROOT = Path(__file__).resolve().parent.parent
SAMPLES = _ROOT / "sample_data"
"""Studies and finished runs that are shipped; read only."""

APPLICATION = _ROOT / "app" / "dashboard" / "application.py"
"""What Streamlit is to serve."""

UPLOAD_MEGABYTES = 200
"""The largest file that can be uploaded: it is held in the server's memory. Larger ones are browsed for."""

# Told for both, so that the reader's own choice of light or dark still holds.
_THEME = {
    "theme.light.primaryColor": "#1f6fb2",
    "theme.dark.primaryColor": "#4a9fe0",
    "theme.headingFontSizes": '["2rem", "1.5rem", "1.25rem", "1.1rem", "1rem", "1rem"]',
}
_SERVER = {
    "server.headless": "true",
    "server.maxUploadSize": str(UPLOAD_MEGABYTES),
    # The defaults, told so that no config.toml of the user's turns them off.
    "server.enableXsrfProtection": "true",
    "server.enableCORS": "true",
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    # With it Streamlit asks a service on the network under which address others see this machine.
    "logger.hideWelcomeMessage": "true",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
}


def serve(store_root: Path, port: int, address: str = THIS_MACHINE, ray: str | None = None) -> None:
    """Replaces this process by the dashboard's server.

    Args:
        store_root: the store that the server holds.
        port: on this machine.
        address: that the server is bound to; any but this machine's own lets others in.
        ray: address of a cluster that pages may choose for long work; by default what the environment names. It is
            whoever serves who decides on it: this machine believes what a cluster sends.

    Raises:
        StoreBusy: if another process holds the store; it is named.
        RefusedInput: if the login is set up wrongly, which would otherwise leave the pages open; or if a limit of jobs
            cannot be used; or if the cluster's address is none or Ray is not installed.
    """
    # Workers inherit these: refused now, and not by the first job.
    JobLimits.from_environment()
    task_hours()
    offered = ray or os.environ.get(OFFERED)
    if offered:
        check_address(offered)
    with Store(store_root).lock():
        pass  # Refused here, in the terminal, and not only on the first page.
    login = login_of(secrets_files())
    options = {**_SERVER, **_THEME, "server.address": address, "server.port": str(port)}
    arguments = [sys.executable, "-m", "app.dashboard.server", "run", str(APPLICATION)]
    arguments += [f"--{name}={value}" for name, value in options.items()]
    arguments += [f"--server.allowedHosts={host}" for host in allowed_hosts(address, login)]
    # Those that were looked at, and no other that Streamlit would look for.
    arguments += [f"--secrets.files={file}" for file in secrets_files()]
    environment = os.environ | {
        "PARETOSCOPE_STORE": str(store_root),
        "PARETOSCOPE_ADDRESS": url_of(address, port),
        OFFERED: offered or "",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])),
    }
    print(f"Paretoscope: {url_of(address, port)} (store: {store_root})", flush=True)
    if offered:
        print(f"Long work may be done by the Ray cluster {offered}: pages offer it beside their buttons", flush=True)
    if not is_this_machine_only(address) and login is not None:
        print(f"People log in, and come back to {login.redirect_uri}", flush=True)
    if warning := open_to_others(address, login):
        print(f"Warning: {warning}", file=sys.stderr, flush=True)
    os.execve(sys.executable, arguments, environment)
