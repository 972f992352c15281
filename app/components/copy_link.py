"""A button that copies the page's address, which holds all that is looked at."""

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_HTML = """<button type="button" title="The address holds the study, the classes and the sliders as they stand">
<span aria-live="polite">Copy link</span></button>"""
_CSS = """
button {
  font: inherit; font-size: 0.875rem; padding: 0.25rem 0.75rem; min-height: 2.5rem; cursor: pointer; width: 100%;
  color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.5rem);
}
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
"""
_SCRIPT = """
export default function ({ parentElement }) {
  const button = parentElement.querySelector("button"), words = button.querySelector("span");
  const say = (text) => {
    words.textContent = text;
    setTimeout(() => { words.textContent = "Copy link"; }, 1500);
  };
  // Browsers give the clipboard to pages of this machine and to https only; elsewhere the link is shown.
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      say("Copied");
    } catch {
      prompt("Copy this link", location.href);
    }
  };
}
"""


def copy_link() -> None:
    """Shows the button; it copies the address as it stands when it is pressed, without a run of the page."""
    _component()(key="copy_link")


@st.cache_resource(show_spinner=False)
def _component() -> ComponentRenderer:
    return st.components.v2.component("paretoscope_copy_link", html=_HTML, css=_CSS, js=_SCRIPT)
