"""What is looked at: study, pair, targets and thresholds, in the session and in the URL.

The session is the truth while it lasts; the URL mirrors it, so that a colleague who
opens the link, or a reload, sees the same, and the browser's way back leads to what was
looked at before. Widgets get their values from here and
write back in callbacks, since Streamlit forgets a widget that a page does not show.
"""

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

_BETWEEN = "|"
_DIGITS = 9
_OF_STUDY = (
    *("run", "a", "b", "targets", "judged", "may_lose", "slack", "iterations", "epoch"),
    *("sample", "region", "zoom", "slice", "search", "candidate", "compare", "job"),
    *("colour", "up", "right", "gains_as"),
    *("ranking", "harmed", "counted", "bar"),
    *("removal", "sign", "split", "measured_as", "without"),
)
"""What is let go of when another study is turned to."""
_NAMES = ("study", "part", *_OF_STUDY)


def read_url() -> None:
    """Takes the view of the URL over: once a session, and when the browser went back or forth in its history."""
    if "view" in st.session_state and not (_is_history_navigation() and "study" in st.query_params):
        return
    st.session_state["view"] = {name: st.query_params[name] for name in _NAMES if name in st.query_params}


def write_url() -> None:
    """Mirrors the view in the URL; switching pages clears it, so every run writes it again."""
    view = written()
    if {name: st.query_params[name] for name in st.query_params} != view:
        st.query_params.from_dict(view)


def written() -> dict[str, str]:
    """Returns the view as the URL tells it."""
    return {name: value for name, value in st.session_state["view"].items() if value}


def _is_history_navigation() -> bool:
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation


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


def number(name: str, least: int, most: int) -> int | None:
    """Returns a whole number of the view, or ``None`` where there is none in the range."""
    text = get(name) or ""
    return int(text) if is_number(text) and least <= int(text) <= most else None


def is_number(text: str) -> bool:
    """Says whether a text of an address is a whole number of a size that can be meant."""
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS


def choose_study(path: str | None) -> None:
    """Turns to another study; what was chosen of the last one's classes is let go."""
    if get("study") != path:
        put(study=path, **dict.fromkeys(_OF_STUDY))


def class_index(name: str, names: Sequence[str]) -> int | None:
    """Returns the class that the view names under ``name``, or ``None``."""
    value = get(name)
    return names.index(value) if value in names else None


def hold(key: str, value: object) -> None:
    """Gives a widget the value of the view, where it has another: set anew, it would undo what is moved meanwhile."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def choice(name: str, known: Iterable[str], otherwise: str) -> str:
    """Returns which of the known values the view holds under ``name``, or the one that stands otherwise."""
    value = get(name)
    return value if value is not None and value in known else otherwise


def set_class(name: str, k: int | None, names: Sequence[str]) -> None:
    """Replaces the class of the view under ``name``; ``None`` for none."""
    put(**{name: None if k is None else names[k]})


def targets(names: Sequence[str]) -> tuple[int, ...]:
    """Returns the target classes in class order; names that the study lacks are passed over."""
    return _classes("targets", names)


def set_targets(chosen: Iterable[int], names: Sequence[str]) -> None:
    """Replaces the target classes."""
    # None is a choice as well, which the address must hold: it is not asked again what the study suggests.
    put(targets=_listed(chosen, names) or _BETWEEN)


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


def harmed(names: Sequence[str]) -> tuple[int, ...] | None:
    """Returns the classes whose harm alone counts, in class order; ``None`` where that of all does."""
    chosen = _classes("harmed", names)
    return chosen if 0 < len(chosen) < len(names) else None


def set_harmed(chosen: Iterable[int], names: Sequence[str]) -> None:
    """Replaces the classes whose harm alone counts; none stands for all."""
    put(harmed=_listed(chosen, names) or None)


def slack(names: Sequence[str]) -> dict[int, int]:
    """Returns by class index what single classes may lose, in per cent; empty where one number is for all."""
    known = {_written(name): k for k, name in enumerate(names)}
    pairs = (entry.rpartition("=") for entry in (get("slack") or "").split(_BETWEEN))
    return {known[name]: int(value) for name, _, value in pairs if name in known and is_number(value)}


def set_slack(shares: Mapping[int, int], names: Sequence[str]) -> None:
    """Replaces what single classes may lose, in per cent by class index; nothing stands for one number for all."""
    put(slack=_BETWEEN.join(f"{_written(names[k])}={value}" for k, value in sorted(shares.items())) or None)


def _classes(name: str, names: Sequence[str]) -> tuple[int, ...]:
    chosen = (get(name) or "").split(_BETWEEN)
    return tuple(k for k, known in enumerate(names) if _written(known) in chosen)


def _listed(chosen: Iterable[int], names: Sequence[str]) -> str:
    return _BETWEEN.join(_written(names[k]) for k in sorted(chosen))


def _written(name: str) -> str:
    """Returns a class name as the list of targets holds it, with what parts the list written otherwise."""
    return name.replace("%", "%25").replace(_BETWEEN, "%7C")
