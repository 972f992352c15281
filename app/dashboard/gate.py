"""What stands before every page: the login where one is set up, and a warning where anybody may come in."""

from pathlib import Path

import streamlit as st

from app.components import server_state
from app.components.plain import plain
from app.workflow.access import Login, login_of, open_to_others


def pass_gate() -> None:
    """Ends the page for whoever is not let in; else says where it is open to all.

    Raises:
        RefusedInput: if the login is set up wrongly.
    """
    login = _login()
    if login is None:
        if warning := open_to_others(server_state.bound_to(), None):
            st.warning(warning, icon=":material/lock_open:")
        return
    if not st.user.get("is_logged_in"):
        _ask_to_log_in(login)
        st.stop()
    _log_out_button()
    email, verified = st.user.get("email"), st.user.get("email_verified")
    # Some providers tell it as text, and a text is never False.
    is_anothers = str(verified).strip().lower() in ("false", "0", "no")
    if not login.admits(email if isinstance(email, str) else None, not is_anothers):
        st.error(
            f"{plain(st.user.get('email') or 'This account')} may not use this dashboard. Whoever runs it can add the"
            " address under [paretoscope] allowed.",
            icon=":material/block:",
        )
        st.stop()


@st.cache_resource(show_spinner=False)
def _login() -> Login | None:
    """Returns the login as it was when the server showed its first page: nothing that changes later opens a page."""
    return login_of(Path(file) for file in st.get_option("secrets.files"))


def _ask_to_log_in(login: Login) -> None:
    st.title("Paretoscope")
    st.write("Log in to see the studies of this dashboard.")
    for name in login.providers:
        if st.button("Log in" if name is None else f"Log in with {plain(name)}", key=f"log_in_{name}", type="primary"):
            st.login() if name is None else st.login(name)


def _log_out_button() -> None:
    with st.sidebar:
        who, out = st.columns([3, 2], vertical_alignment="center")
        who.caption(plain(st.user.get("name") or st.user.get("email") or "Logged in"))
        if out.button("Log out", key="log_out"):
            st.logout()
