"""What ``doctor`` says of the dashboard's server: its login, who may read its secrets, and where it listens."""

import stat
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from app.workflow.access import Login, is_this_machine_only, login_of, open_to_others, secrets_files
from app.workflow.doctor_checks import Check, check
from cache.store import Store
from engine.errors import RefusedInput

_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def login_checks(files: Iterable[Path]) -> list[Check]:
    """Looks whether the login is set up rightly, and whether its secrets are.

    Args:
        files: in which it may be set up.
    """
    present = [file for file in files if file.exists()]
    found = [_login(present)]
    readable = [file for file in present if file.stat().st_mode & _OF_OTHERS]
    if readable:
        commands = "; ".join(f"chmod 600 {file}" for file in readable)
        found.append(check("secrets", False, f"other users of this machine may read secrets. Forbid it: {commands}"))
    elif present:
        found.append(check("secrets", True, f"no other user may read {', '.join(map(str, present))}"))
    return found


def address_check(store: Store) -> Check:
    """Says where the server of a store listens, and whether others reach it without a login."""
    # The lock is only looked at: whoever holds it has told where it serves.
    holder = store.holder()
    if holder is None:
        return check("address", True, "no dashboard is open on this store; by default one lets in this machine alone")
    if holder.address is None:
        return check("address", True, f"the store is in use by {holder}, which is no dashboard")
    host = urlsplit(holder.address).hostname
    if warning := open_to_others(host, _login_or_none()):
        return check("address", False, f"{holder}: {warning}")
    who = "this machine alone is let in" if is_this_machine_only(host) else "who logs in is let in"
    return check("address", True, f"{holder}: {who}")


def _login(files: list[Path]) -> Check:
    try:
        login = login_of(files)
    except RefusedInput as refusal:
        return check("login", False, str(refusal))
    if login is None:
        return check("login", True, "none is set up, and none is needed where this machine alone is let in")
    if not login.allowed:
        told = "whoever the provider knows is let in; [paretoscope] allowed = [...] in secrets.toml names who may"
        return check("login", True, f"set up, {told}")
    return check("login", True, f"set up for {len(login.allowed)} addresses or domains")


def _login_or_none() -> Login | None:
    try:
        return login_of(secrets_files())
    except RefusedInput:
        return None  # Told by its own check.
