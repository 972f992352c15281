"""Rules of a login of which each keeps somebody out, or lets somebody in: providers, addresses, and who is allowed."""

import pytest

from app.workflow.access import Login, allowed_hosts, login_of
from engine.errors import RefusedInput
from tests.app.workflow.test_access import SECRETS

SHARED, CLIENT, OWN = SECRETS.partition("client_id")
NAMED = CLIENT + OWN


@pytest.fixture
def login(tmp_path, monkeypatch):
    """Reads secrets, of which the later come from the working directory."""
    monkeypatch.setattr("app.workflow.access.refuse_without_authlib", lambda: None)

    def read(*texts: str) -> Login | None:
        files = [tmp_path / f"{number}.toml" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        return login_of(files)

    return read


def test_the_login_of_the_working_directory_wins_and_that_of_the_home_counts_where_there_is_none(login):
    other = SECRETS.replace("paretoscope.example.org", "other.example.org")
    assert login(SECRETS, other).redirect_uri == "https://other.example.org/oauth2callback"
    assert login(SECRETS, '[connections]\nurl = "x"').redirect_uri == "https://paretoscope.example.org/oauth2callback"


def test_a_broken_file_is_refused_also_where_the_other_one_is_sound(login):
    for texts in ((SECRETS, "[auth"), ("[auth", SECRETS)):
        with pytest.raises(RefusedInput, match="it is no TOML"):
            login(*texts)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SECRETS.replace("https://paretoscope", "ftp://paretoscope"), "redirect_uri is no address"),
        (f"{SHARED}[auth.ours]\n{NAMED.replace('client_secret', 'client_sekret')}", r"\[auth.ours\] client_secret is"),
        (f"{SHARED}[auth.ours]\n{NAMED.replace('https://acc', 'http://acc')}", r"\[auth.ours\] server_metadata_url"),
        (f"{SHARED}[auth.my_own]\n{NAMED}", r"\[auth.my_own\] has an underscore"),
        (f'[paretoscope]\nallowed = ["example.org"]\n{SECRETS}', "allowed is no list of people"),
        (
            f'[paretoscope]\nallowed = ["me@example.org", ["you@example.org"]]\n{SECRETS}',
            "allowed is no list of people",
        ),
    ],
)
def test_each_rule_of_a_login_is_looked_at(login, text, told):
    with pytest.raises(RefusedInput, match=told):
        login(text)


@pytest.mark.parametrize(
    "text",
    [
        SECRETS.replace("https://paretoscope.example.org", "http://localhost:{port}"),
        SECRETS.replace("https://accounts.example.org", "http://localhost:8080"),
        f'{SECRETS}\n[auth.client_kwargs]\nscope = "openid email"',
    ],
)
def test_what_a_login_may_be_is_let_pass(login, text):
    assert login(text).providers == (None,)


def test_an_address_is_allowed_as_a_whole_and_in_whatever_letters(login):
    some = login(f'[paretoscope]\nallowed = ["me@example.org", "@lab.example.org"]\n{SECRETS}')
    assert all(map(some.admits, ("ME@Example.org", " me@example.org", "x@LAB.example.org")))
    others = (
        "xme@example.org",
        "me@example.org.evil",
        "me@example.or",
        "x@evil.lab.example.org",
        "x@lab.example.org.evil",
    )
    assert not any(map(some.admits, others))


def test_a_dashboard_answers_to_the_address_that_it_is_bound_to(monkeypatch):
    monkeypatch.delenv("PARETOSCOPE_HOSTS", raising=False)
    assert "127.0.0.2" in allowed_hosts("127.0.0.2", None)
    monkeypatch.setenv("PARETOSCOPE_HOSTS", "lab.example.org")
    assert "192.168.1.7" in allowed_hosts("192.168.1.7", None)
