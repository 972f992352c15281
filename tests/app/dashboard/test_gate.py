"""What stands before every page: a warning where anybody may come in, or a login."""

import importlib.metadata

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

import app.components.server_state
from app.components.plain import plain
from tests.app.components.conftest import DASHBOARD

SECRETS = """
[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"
client_id = "the-client-of-ours"
client_secret = "the-secret-of-ours"
server_metadata_url = "https://accounts.example.org/.well-known/openid-configuration"
[paretoscope]
allowed = ["me@example.org"]
"""
PAGES = ("ceiling", "explore", "harmful", "improve", "trust", "epochs", "studies", "introduction")


@pytest.fixture
def setting(monkeypatch):
    """Sets an option of Streamlit's for the length of a test."""

    def put(name: str, value: object) -> None:
        before = config.get_option
        monkeypatch.setattr(config, "get_option", lambda asked: value if asked == name else before(asked))
        monkeypatch.setattr(st, "get_option", config.get_option)

    return put


@pytest.fixture
def shown(monkeypatch, digits_store, trained_digits, setting, tmp_path):
    """Opens a page of a dashboard on a study; the login is not set up unless a file says so."""
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.6.0" if name == "authlib" else version(name))
    monkeypatch.setenv("PARETOSCOPE_STORE", str(digits_store.root))
    monkeypatch.setattr(app.components.server_state, "SAMPLES", digits_store.root / "no samples")
    digits_store.register_study(trained_digits / "study.toml")
    setting("secrets.files", [str(tmp_path / "secrets.toml")])

    def show(page: str = "studies") -> AppTest:
        dashboard = AppTest.from_file(str(DASHBOARD), default_timeout=60).run()
        return dashboard.switch_page(f"../pages/{page}.py").run()

    st.cache_resource.clear()
    yield show
    # Whoever was not let in has opened nothing.
    app.components.server_state.opened().cache.close()
    st.cache_resource.clear()
    st.cache_data.clear()


def warnings_of(page: AppTest) -> list[str]:
    return [warning.value for warning in page.warning if "without a login" in warning.value]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_a_server_that_others_reach_without_a_login_says_so(shown, setting, page):
    setting("server.address", "0.0.0.0")
    shown_page = shown(page)
    assert not shown_page.exception
    assert len(warnings_of(shown_page)) == 1
    assert shown_page.title


def test_a_server_of_this_machine_alone_says_nothing(shown, setting):
    setting("server.address", "127.0.0.1")
    assert warnings_of(shown()) == []


def test_nothing_is_shown_to_whoever_has_not_logged_in(shown, setting, tmp_path, monkeypatch):
    (tmp_path / "secrets.toml").write_text(SECRETS)
    setting("server.address", "0.0.0.0")
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(st, "login", lambda *provider: asked.append(provider))
    page = shown()
    assert [title.value for title in page.title] == ["Paretoscope"]
    assert [button.label for button in page.button] == ["Log in"]
    assert not page.warning
    assert not page.selectbox
    page.button(key="log_in_None").click().run()
    assert asked == [()]


def test_who_has_logged_in_and_is_allowed_sees_the_pages_and_nobody_else(shown, tmp_path, monkeypatch):
    (tmp_path / "secrets.toml").write_text(SECRETS)
    monkeypatch.setattr(st, "user", {"is_logged_in": True, "email": "you@example.org"})
    refused = shown()
    assert "you@example.org may not use" in refused.error[0].value
    assert not refused.title
    assert [button.label for button in refused.button] == ["Log out"]
    monkeypatch.setattr(st, "user", {"is_logged_in": True, "email": "me@example.org", "name": "Me"})
    let_in = shown()
    assert let_in.title
    assert not let_in.error


@pytest.mark.parametrize("told", [False, "false", "False"])
def test_an_address_that_the_provider_calls_unverified_lets_nobody_in(shown, tmp_path, monkeypatch, told):
    (tmp_path / "secrets.toml").write_text(SECRETS)
    user = {"is_logged_in": True, "email": "me@example.org", "email_verified": told}
    monkeypatch.setattr(st, "user", user)
    assert "me@example.org may not use" in shown().error[0].value
    monkeypatch.setattr(st, "user", user | {"email_verified": "true"})
    assert not shown().error


def test_a_login_that_is_broken_while_the_server_runs_shows_no_page(shown, tmp_path):
    (tmp_path / "secrets.toml").write_text("[auth\n")
    page = shown()
    assert "it is no TOML" in page.error[0].value
    assert not page.title


def test_a_login_that_is_taken_away_while_the_server_runs_still_holds(shown, tmp_path):
    (tmp_path / "secrets.toml").write_text(SECRETS)
    shown()
    (tmp_path / "secrets.toml").unlink()
    assert [button.label for button in shown().button] == ["Log in"]


def test_the_store_is_not_even_opened_for_whoever_has_not_logged_in(shown, tmp_path, monkeypatch):
    (tmp_path / "secrets.toml").write_text(SECRETS)
    opened: list[None] = []
    with monkeypatch.context() as watched:
        watched.setattr(app.components.server_state, "opened", lambda: opened.append(None))
        page = shown()
    assert [button.label for button in page.button] == ["Log in"]
    assert opened == []


def test_what_a_provider_tells_of_somebody_is_shown_as_text(shown, tmp_path, monkeypatch):
    (tmp_path / "secrets.toml").write_text(SECRETS)
    told = "[me](https://evil.example.org)@example.org"
    monkeypatch.setattr(st, "user", {"is_logged_in": True, "email": told, "name": told})
    page = shown()
    assert page.error[0].value.startswith(f"{plain(told)} may not use")
    assert plain(told) in [caption.value for caption in page.caption]
    assert plain(told) != told


def test_what_fails_on_a_page_or_before_it_is_told_by_a_number_alone(shown, setting, monkeypatch, caplog):
    setting("client.showErrorDetails", "none")

    def fail() -> None:
        raise KeyError("the value of a variable")

    monkeypatch.setattr("app.components.view_state.read_url", fail)
    page = shown()
    assert not page.exception
    assert "nobody foresaw" in page.error[0].value
    assert "the value of a variable" not in page.error[0].value
    assert "the value of a variable" in caplog.text
