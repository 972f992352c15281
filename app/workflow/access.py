"""Who may reach a dashboard: the address it is bound to, and the login in front of its pages.

The login is OpenID Connect by Streamlit, set up in the ``[auth]`` table of a ``secrets.toml``. Streamlit itself takes a
file that it cannot read for none at all; here that is refused, so that a mistake never opens the pages to everyone.
"""

import importlib.metadata
import ipaddress
import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.version import Version

from engine.errors import RefusedInput

THIS_MACHINE = "127.0.0.1"
"""What a dashboard is bound to by default."""
HOSTS = "PARETOSCOPE_HOSTS"
"""The environment variable that names further names of the dashboard, with commas."""
CALLBACK = "/oauth2callback"
AUTHLIB = Version("1.3.2")
"""The oldest Authlib that Streamlit's login works with."""
_SHORTEST_COOKIE_SECRET = 32
_OF_A_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
_TABLES_OF_NO_PROVIDER = ("client_kwargs",)
_NAMES_OF_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_INSTALL = 'Install it with: pip install "streamlit[auth]"'


@dataclass(frozen=True)
class Login:
    """A login that is set up; it holds none of its secrets.

    Attributes:
        providers: names of the identity providers; ``None`` stands for the one of the ``[auth]`` table itself.
        redirect_uri: where a provider sends people back to.
        allowed: who is let in: addresses, and domains such as ``@example.org``; empty: whom a provider knows.
    """

    providers: tuple[str | None, ...]
    redirect_uri: str
    allowed: tuple[str, ...]

    def admits(self, email: str | None, verified: bool = True) -> bool:
        """Says whether somebody who has logged in may see the pages.

        Args:
            email: as the provider tells it.
            verified: whether the provider does not say that the address may be another's.
        """
        if not self.allowed:
            return True
        address = (email or "").strip().lower()
        if "@" not in address or not verified:
            return False
        return any(address == one or (one.startswith("@") and address.endswith(one)) for one in self.allowed)


def is_this_machine_only(address: str | None) -> bool:
    """Says whether a server bound to an address is reached from its own machine alone; ``None`` is bound to all."""
    if not address:
        return False
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def url_of(address: str, port: int) -> str:
    """Returns the address of a server's first page."""
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def allowed_hosts(address: str, login: Login | None) -> list[str]:
    """Returns the names under which browsers may ask for a dashboard; an empty list allows every one.

    A site elsewhere could have its own name lead to this machine, and a browser would then take the dashboard for that
    site's. So one that is bound to this machine answers to the names of this machine alone, to that of its login, and
    to those that ``PARETOSCOPE_HOSTS`` names, such as that of a web server in front of it.

    Args:
        address: that the server is bound to.
        login: in front of its pages.
    """
    named = [name.strip() for name in os.environ.get(HOSTS, "").split(",") if name.strip()]
    if not is_this_machine_only(address) and not named:
        return []
    own = [urlsplit(login.redirect_uri).hostname or ""] if login else []
    return list(dict.fromkeys(filter(None, [*_NAMES_OF_THIS_MACHINE, address, *own, *named])))


def secrets_files() -> list[Path]:
    """Returns where a login may be set up, the later before the earlier: in the home, and in the working directory."""
    return [folder / ".streamlit" / "secrets.toml" for folder in (Path.home(), Path.cwd())]


def login_of(files: Iterable[Path]) -> Login | None:
    """Returns the login that files set up; ``None`` where none of them has an ``[auth]`` table.

    Messages name keys and never values.

    Raises:
        RefusedInput: if a file cannot be read, or what a login needs is missing or cannot be right.
    """
    tables = [(file, _read(file)) for file in files if file.exists()]
    found = [(file, table) for file, table in tables if "auth" in table]
    if not found:
        return None
    file, table = found[-1]
    auth = _table(file, "[auth]", table["auth"])
    redirect = _text(file, "[auth]", auth, "redirect_uri")
    _refuse_redirect(file, redirect)
    if len(_text(file, "[auth]", auth, "cookie_secret")) < _SHORTEST_COOKIE_SECRET:
        raise _refusal(
            file,
            "[auth] cookie_secret is too short to be safe",
            f"{_SHORTEST_COOKIE_SECRET} random characters or more",
            'Make one with: python -c "import secrets; print(secrets.token_hex())"',
        )
    named = [name for name, value in auth.items() if isinstance(value, dict) and name not in _TABLES_OF_NO_PROVIDER]
    providers: list[str | None] = [None] if "client_id" in auth or not named else []
    for name in [*providers, *named]:
        _refuse_provider(file, name, auth if name is None else auth[name])
    allowed = _allowed(file, table)
    refuse_without_authlib()
    return Login((*providers, *named), redirect, allowed)


def refuse_without_authlib() -> None:
    """Refuses a login that nothing installed can do.

    Raises:
        RefusedInput: if Authlib is missing or too old.
    """
    try:
        found = importlib.metadata.version("authlib")
    except importlib.metadata.PackageNotFoundError:
        raise RefusedInput("a login is set up, but Authlib is not installed", f"{AUTHLIB} or newer", _INSTALL) from None
    if Version(found) < AUTHLIB:
        raise RefusedInput(f"Authlib {found} is too old for the login", f"{AUTHLIB} or newer", _INSTALL)


def open_to_others(address: str | None, login: Login | None) -> str | None:
    """Returns what people are to be told where anyone on the network may use a dashboard; ``None`` where all is well.

    Args:
        address: that the server is bound to.
        login: in front of its pages.
    """
    if login is not None or is_this_machine_only(address):
        return None
    return (
        f"This dashboard is bound to {address or 'every address of its machine'} without a login: whoever reaches it"
        " over the network can read its studies, upload files and start work. docs/running.md says how to set up a"
        " login."
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refusal(
            file, f"it cannot be read: {error.strerror}", "a file that may be read", "Mend its permissions"
        ) from None
    except tomllib.TOMLDecodeError as error:
        # The parser tells the place and what is wrong there, in its own words and never in those of the file.
        raise _refusal(file, f"it is no TOML ({error})", "a TOML file with an [auth] table", "Mend it") from None
    except ValueError:
        raise _refusal(file, "it is not UTF-8", "a TOML file with an [auth] table", "Write it again") from None


def _refuse_redirect(file: Path, redirect: str) -> None:
    parts = urlsplit(redirect.replace("{port}", "8501"))
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.endswith(CALLBACK):
        raise _refusal(
            file,
            "[auth] redirect_uri is no address that people can be sent back to",
            f"the dashboard's own address as people type it, with {CALLBACK} behind",
            f'Write it like "https://paretoscope.example.org{CALLBACK}", and the same at the provider',
        )


def _refuse_provider(file: Path, name: str | None, provider: dict[str, Any]) -> None:
    where = "[auth]" if name is None else f"[auth.{name}]"
    if name is not None and "_" in name:
        raise _refusal(file, f"{where} has an underscore in its name", "a name without one", "Rename the table")
    for key in _OF_A_PROVIDER:
        value = _text(file, where, provider, key)
        if key == "server_metadata_url":
            parts = urlsplit(value)
            safe = parts.scheme == "https" or (parts.scheme == "http" and is_this_machine_only(parts.hostname))
            if not safe or not parts.hostname:
                raise _refusal(
                    file,
                    f"{where} server_metadata_url is no https address",
                    "that of the provider's openid-configuration",
                    "Look it up at the provider: it ends in /.well-known/openid-configuration",
                )


def _allowed(file: Path, table: dict[str, Any]) -> tuple[str, ...]:
    allowed = _table(file, "[paretoscope]", table.get("paretoscope", {})).get("allowed", [])
    sound = isinstance(allowed, list) and all(isinstance(one, str) and "@" in one for one in allowed)
    if not sound or ("allowed" in table.get("paretoscope", {}) and not allowed):
        raise _refusal(
            file,
            "[paretoscope] allowed is no list of people",
            'addresses and domains, such as ["me@example.org", "@example.org"]',
            "Write it so, or leave it out to let in whom the provider knows",
        )
    return tuple(one.strip().lower() for one in allowed)


def _table(file: Path, where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refusal(file, f"{where} is no table", f"a table {where}", "Mend it")
    return value


def _text(file: Path, where: str, table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        came = "is missing" if key not in table else "is empty" if value == "" else "is no text"
        raise _refusal(file, f"{where} {key} {came}", f"{key} as text", "docs/running.md has an example")
    return value


def _refusal(file: Path, problem: str, expected: str, remedy: str) -> RefusedInput:
    return RefusedInput(f"{file}: {problem}", expected, remedy)
