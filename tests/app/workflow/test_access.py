"""Who may reach a dashboard: addresses, and a login that is set up rightly or refused."""

import importlib.metadata

import pytest

from app.workflow.access import allowed_hosts, is_this_machine_only, login_of, open_to_others, secrets_files, url_of
from engine.errors import RefusedInput
from engine.study import load_study

SECRETS = """
[auth]
redirect_uri = "https://paretoscope.example.org/oauth2callback"
cookie_secret = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"
client_id = "the-client-of-ours"
client_secret = "the-secret-of-ours"
server_metadata_url = "https://accounts.example.org/.well-known/openid-configuration"
"""
SECRET_VALUES = ("0f1e2d3c4b5a69788796", "the-secret-of-ours")


@pytest.fixture(autouse=True)
def _authlib_is_there(monkeypatch):
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.6.0" if name == "authlib" else version(name))


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        file = tmp_path / "secrets.toml"
        file.write_text(text)
        return [file]

    return write


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_addresses_of_this_machine_let_nobody_else_in(address):
    assert is_this_machine_only(address)
    assert open_to_others(address, None) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.7", "paretoscope.example.org", "", None])
def test_any_other_address_is_told_to_be_open_unless_there_is_a_login(address, written):
    assert not is_this_machine_only(address)
    assert "without a login" in (open_to_others(address, None) or "")
    assert open_to_others(address, login_of(written(SECRETS))) is None


def test_an_address_of_the_longer_kind_stands_in_brackets():
    assert url_of("::1", 8501) == "http://[::1]:8501"
    assert url_of("0.0.0.0", 80) == "http://0.0.0.0:80"


def test_a_dashboard_of_this_machine_answers_to_names_of_this_machine_and_to_those_that_are_named(written, monkeypatch):
    monkeypatch.delenv("PARETOSCOPE_HOSTS", raising=False)
    assert allowed_hosts("127.0.0.1", None) == ["localhost", "127.0.0.1", "::1"]
    assert "paretoscope.example.org" in allowed_hosts("127.0.0.1", login_of(written(SECRETS)))
    assert allowed_hosts("0.0.0.0", None) == []
    monkeypatch.setenv("PARETOSCOPE_HOSTS", "lab.example.org, *.example.com")
    assert allowed_hosts("127.0.0.1", None)[-2:] == ["lab.example.org", "*.example.com"]
    assert "lab.example.org" in allowed_hosts("0.0.0.0", None)


def test_no_file_and_a_file_without_the_table_are_no_login(tmp_path, written):
    assert login_of([tmp_path / "none.toml"]) is None
    assert login_of(written('[connections]\nurl = "x"')) is None


def test_the_files_of_the_home_and_of_the_working_directory_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert secrets_files() == [tmp_path / folder / ".streamlit" / "secrets.toml" for folder in ("home", "work")]


def test_a_login_of_one_provider_and_of_several_is_read_without_its_secrets(written):
    one = login_of(written(SECRETS))
    assert one is not None
    assert one.providers == (None,)
    shared, _, own = SECRETS.partition("client_id")
    several = login_of(written(f"{shared}[auth.ours]\nclient_id{own}[auth.theirs]\nclient_id{own}"))
    assert several is not None
    assert several.providers == ("ours", "theirs")
    assert not any(value in repr(login) for login in (one, several) for value in SECRET_VALUES)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('cookie_secret = "0f1e', 'cookie_secret_ = "0f1e', r"\[auth\] cookie_secret is missing"),
        ('"0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"', '"xxx"', r"cookie_secret is too short"),
        ("https://paretoscope.example.org/oauth2callback", "https://paretoscope.example.org", "redirect_uri is no"),
        ("https://paretoscope.example.org/oauth2callback", "paretoscope/oauth2callback", "redirect_uri is no address"),
        ("https://paretoscope.example.org/oauth2callback", "https:///oauth2callback", "redirect_uri is no address"),
        ('"the-client-of-ours"', '""', r"client_id is empty"),
        ('"the-client-of-ours"', "5", r"client_id is no text"),
        ('"the-client-of-ours"', '" "', r"client_id is no text"),
        ("https://accounts.example.org/", "https:///", "server_metadata_url is no https address"),
        ('client_secret = "the-secret-of-ours"', "", r"client_secret is missing"),
        ("https://accounts.", "http://accounts.", "server_metadata_url is no https address"),
        ("[auth]", "[auth]\n[auth.my_own]\n[auth]", "it is no TOML"),
        ("[auth]", 'auth = "x"\n[other]', r"\[auth\] is no table"),
        ("\n[auth]", '[paretoscope]\nallowed = "me@example.org"\n[auth]', "allowed is no list of people"),
        ("\n[auth]", "[paretoscope]\nallowed = []\n[auth]", "allowed is no list of people"),
    ],
)
def test_a_login_that_is_set_up_wrongly_is_refused_by_its_key_and_never_by_its_secrets(written, old, new, told):
    assert SECRETS.count(old) == 1
    with pytest.raises(RefusedInput, match=told) as refusal:
        login_of(written(SECRETS.replace(old, new)))
    assert not any(value in str(refusal.value) for value in SECRET_VALUES)


def test_a_login_without_what_it_needs_installed_is_refused(written, monkeypatch):
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(RefusedInput, match=r"Authlib is not installed.*streamlit\[auth\]"):
        login_of(written(SECRETS))
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "1.2.0")
    with pytest.raises(RefusedInput, match="too old"):
        login_of(written(SECRETS))


def test_a_file_that_may_not_be_read_never_counts_as_no_login(tmp_path):
    (tmp_path / "secrets.toml").mkdir()
    with pytest.raises(RefusedInput, match="cannot be read"):
        login_of([tmp_path / "secrets.toml"])
    (tmp_path / "latin.toml").write_bytes(b'[auth]\nclient_id = "\xe4"')
    with pytest.raises(RefusedInput, match="not UTF-8"):
        login_of([tmp_path / "latin.toml"])


def test_only_those_who_are_allowed_are_let_in(written):
    everyone = login_of(written(SECRETS))
    some = login_of(written(f'[paretoscope]\nallowed = ["Me@Example.org", "@lab.example.org"]\n{SECRETS}'))
    assert everyone is not None
    assert some is not None
    assert everyone.admits(None)
    assert some.admits("me@example.org", verified=True)
    assert some.admits("Anyone@lab.example.org")
    assert not any(map(some.admits, (None, "", "@lab.example.org.evil", "you@example.org", "x@evil-lab.example.org")))
    assert not some.admits("me@example.org", verified=False)


def test_a_file_of_secrets_that_is_opened_as_a_study_is_refused_without_its_values(written):
    (file,) = written(SECRETS)
    with pytest.raises(RefusedInput) as refusal:
        load_study(file)
    assert not any(value in str(refusal.value) for value in SECRET_VALUES)
