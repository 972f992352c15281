"""What ``doctor`` says of the dashboard's server."""

import pytest

from app.workflow.doctor_server import address_check, login_checks
from cache.store import Store
from tests.app.workflow.test_access import SECRET_VALUES, SECRETS


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """Writes the secrets of a home, and returns their files."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("app.workflow.access.refuse_without_authlib", lambda: None)

    def write(text: str, mode: int = 0o600):
        file = tmp_path / ".streamlit" / "secrets.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return [file]

    return write


def test_no_login_is_in_order(tmp_path):
    (found,) = login_checks([tmp_path / "none.toml"])
    assert found["name"] == "login"
    assert found["ok"]


def test_a_login_is_told_with_who_is_let_in_and_without_its_secrets(secrets):
    login, mode = login_checks(secrets(SECRETS))
    assert login["ok"]
    assert mode == {"name": "secrets", "ok": True, "message": mode["message"]}
    assert "whoever the provider knows" in login["message"]
    some, _ = login_checks(secrets(f'[paretoscope]\nallowed = ["@example.org"]\n{SECRETS}'))
    assert "1 addresses or domains" in some["message"]
    assert not any(value in f"{login}{some}" for value in SECRET_VALUES)


def test_a_login_that_is_set_up_wrongly_is_told(secrets):
    login, _ = login_checks(secrets(SECRETS.replace("client_secret", "client_sekret")))
    assert not login["ok"]
    assert "client_secret is missing" in login["message"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_secrets_that_other_users_may_read_are_told(secrets, tmp_path, mode):
    (file,) = secrets(SECRETS, mode)
    closed = tmp_path / "closed.toml"
    closed.touch(0o600)
    _, found = login_checks([closed, file])
    assert not found["ok"]
    assert f"chmod 600 {file}" in found["message"]
    assert str(closed) not in found["message"]


def test_where_the_server_listens_is_told_and_whether_anybody_may_come_in(tmp_path, secrets):
    store = Store(tmp_path / "store")
    assert "no dashboard is open" in address_check(store)["message"]
    with store.lock("http://0.0.0.0:8501"):
        found = address_check(store)
        assert not found["ok"]
        assert "bound to 0.0.0.0 without a login" in found["message"]
        secrets(SECRETS)
        assert address_check(store)["ok"]
        secrets("[auth]\n")
        assert not address_check(store)["ok"]
    with store.lock("http://[::1]:8501"):
        assert "this machine alone" in address_check(store)["message"]
    with store.lock():
        assert "which is no dashboard" in address_check(store)["message"]
