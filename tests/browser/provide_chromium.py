"""Finds a Chromium for the browser tests, installs one where there is none, and prints its path.

The order is: the one that ``PARETOSCOPE_CHROMIUM`` names, one on the path, Debian's
package where it may be installed, Playwright's own build. Without any of them it
fails: a browser test is never left out because a browser is missing.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def works(path: str) -> bool:
    """Tells whether a program starts; a stand-in that only tells how to install one does not."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def find_chromium() -> str | None:
    """Returns a Chromium that starts, or None.

    Raises:
        SystemExit: if ``PARETOSCOPE_CHROMIUM`` names one that does not start.
    """
    named = os.environ.get("PARETOSCOPE_CHROMIUM")
    if named:
        if not works(named):
            raise SystemExit(
                f"PARETOSCOPE_CHROMIUM is {named!r}, which does not start. Expected the path of a Chromium. "
                "Mend the path, or unset it to have one found."
            )
        return named
    on_the_path = (shutil.which(name) for name in NAMES)
    return next((path for path in on_the_path if path and works(path)), None)


def install_debian_package() -> str | None:
    """Installs Debian's ``chromium`` where this user may, and returns its path if it then starts."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        prefix = []
    elif works("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        prefix = ["sudo", "-n"]
    else:
        return None
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    for step in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        # Standard output is for the path alone.
        if subprocess.run([*apt, *step], stdout=sys.stderr, check=False).returncode != 0:
            return None
    return find_chromium()


def install_playwright_build() -> str | None:
    """Has Playwright fetch its own Chromium, and returns its path if it then starts."""
    from playwright.sync_api import sync_playwright

    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdout=sys.stderr, check=False)
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if works(path) else None


def provide_chromium() -> str:
    """Returns the path of a Chromium that starts.

    Raises:
        SystemExit: if there is none and none can be installed.
    """
    path = find_chromium() or install_debian_package() or install_playwright_build()
    if path is None:
        raise SystemExit(
            f"No Chromium for the browser tests: none of {', '.join(NAMES)} is on the path, "
            "and neither Debian's package nor Playwright's build could be installed. "
            "Install one by hand, or name it: PARETOSCOPE_CHROMIUM=/path/to/chromium."
        )
    return path


if __name__ == "__main__":
    print(provide_chromium())
