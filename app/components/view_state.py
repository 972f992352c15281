"""What is looked at: study, pair, targets and thresholds, in the session and in the URL.

The session is the truth while it lasts; the URL mirrors it, so that a colleague who
opens the link, or a reload, sees the same. Widgets get their values from here and
write back in callbacks, since Streamlit forgets a widget that a page does not show.
"""

from collections.abc import Iterable, Sequence

import streamlit as st

_BETWEEN = "|"
_NAMES = ("study", "a", "b", "targets", "judged", "may_lose", "job")


def read_url() -> None:
    """Takes the view of the URL over, once a session."""
    if "view" in st.session_state:
        return
    st.session_state["view"] = {name: st.query_params[name] for name in _NAMES if name in st.query_params}


def write_url() -> None:
    """Mirrors the view in the URL; switching pages clears it, so every run writes it again."""
    view = {name: value for name, value in st.session_state["view"].items() if value}
    if {name: st.query_params[name] for name in st.query_params} != view:
        st.query_params.from_dict(view)


def get(name: str) -> str | None:
    """Returns one value of the view."""
    return st.session_state["view"].get(name)


def put(**values: str | None) -> None:
    """Changes values of the view; ``None`` removes one."""
    for name, value in values.items():
        if value is None:
            st.session_state["view"].pop(name, None)
        else:
            st.session_state["view"][name] = value


def choose_study(path: str | None) -> None:
    """Turns to another study; what was chosen of the last one's classes is let go."""
    if get("study") != path:
        put(study=path, a=None, b=None, targets=None, judged=None, may_lose=None, job=None)


def class_index(name: str, names: Sequence[str]) -> int | None:
    """Returns the class that the view names under ``name``, or ``None``."""
    value = get(name)
    return names.index(value) if value in names else None


def targets(names: Sequence[str]) -> tuple[int, ...]:
    """Returns the target classes in class order; names that the study lacks are passed over."""
    return _classes("targets", names)


def set_targets(chosen: Iterable[int], names: Sequence[str]) -> None:
    """Replaces the target classes."""
    put(targets=_listed(chosen, names))


def suggest_targets(suggested: Iterable[int], names: Sequence[str]) -> None:
    """Sets the target classes where none were ever chosen; whoever cleared them is left alone."""
    if get("targets") is None:
        set_targets(suggested, names)


def toggle_target(k: int, names: Sequence[str]) -> None:
    """Makes class k a target, or no target any more."""
    set_targets(set(targets(names)) ^ {k}, names)


def judged(names: Sequence[str]) -> tuple[int, ...] | None:
    """Returns the classes that alone are judged, in class order; ``None`` where all are."""
    chosen = _classes("judged", names)
    return chosen if 0 < len(chosen) < len(names) else None


def set_judged(chosen: Iterable[int], names: Sequence[str]) -> None:
    """Replaces the classes that alone are judged; none stands for all."""
    put(judged=_listed(chosen, names) or None)


def _classes(name: str, names: Sequence[str]) -> tuple[int, ...]:
    chosen = (get(name) or "").split(_BETWEEN)
    return tuple(k for k, known in enumerate(names) if _written(known) in chosen)


def _listed(chosen: Iterable[int], names: Sequence[str]) -> str:
    return _BETWEEN.join(_written(names[k]) for k in sorted(chosen))


def _written(name: str) -> str:
    """Returns a class name as the list of targets holds it, with what parts the list written otherwise."""
    return name.replace("%", "%25").replace(_BETWEEN, "%7C")
