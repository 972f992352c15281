"""Starting the dashboard's server, bound to this machine."""

import os
import sys
from pathlib import Path

from cache.store import Store

_ROOT = Path(__file__).resolve().parent.parent
SAMPLES = _ROOT / "sample_data"
"""Studies and finished runs that are shipped; read only."""

UPLOAD_MEGABYTES = 200
"""The largest file that can be uploaded: it is held in the server's memory. Larger ones are browsed for."""

# Told for both, so that the reader's own choice of light or dark still holds.
_THEME = {
    "theme.light.primaryColor": "#1f6fb2",
    "theme.dark.primaryColor": "#4a9fe0",
    "theme.headingFontSizes": '["2rem", "1.5rem", "1.25rem", "1.1rem", "1rem", "1rem"]',
}
_SERVER = {
    "server.address": "127.0.0.1",
    "server.headless": "true",
    "server.maxUploadSize": str(UPLOAD_MEGABYTES),
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
}


def serve(store_root: Path, port: int) -> None:
    """Replaces this process by the dashboard's server.

    Args:
        store_root: the store that the server holds.
        port: on this machine.

    Raises:
        StoreBusy: if another process holds the store; it is named.
    """
    with Store(store_root).lock():
        pass  # Refused here, in the terminal, and not only on the first page.
    options = {**_SERVER, **_THEME, "server.port": str(port)}
    arguments = [sys.executable, "-m", "app.dashboard.server", "run", str(_ROOT / "app" / "dashboard" / "main.py")]
    arguments += [f"--{name}={value}" for name, value in options.items()]
    environment = os.environ | {
        "PARETOSCOPE_STORE": str(store_root),
        "PARETOSCOPE_ADDRESS": f"http://127.0.0.1:{port}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])),
    }
    print(f"Paretoscope: http://127.0.0.1:{port} (store: {store_root})", flush=True)
    os.execve(sys.executable, arguments, environment)
