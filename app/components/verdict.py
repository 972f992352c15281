"""The parts of the Ceiling page: the verdict's card, counts by region, the paper's test, trust."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app.components import view_state
from app.components.chart import chart
from app.components.command_line import command_of_run
from app.components.plain import plain
from app.components.run_views import counts_by_region, most_harmful, price_figure
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.figures import held_out_gains, spectrum_bars, worst_first
from app.workflow.ceiling_view import headroom_rows, trust_marks
from app.workflow.sentences import influence_notices
from engine.judged_by import WORDS

_CARDS = {
    "improvable": (":material/trending_up:", st.success),
    "at_ceiling": (":material/vertical_align_top:", st.info),
    "inconclusive": (":material/help:", st.warning),
}
_GRADES = {"good": ":material/check_circle:", "fair": ":material/remove_circle:", "poor": ":material/cancel:"}
_EVIDENCE = 3
"""Sentences of evidence on the card; all are in the table of classes."""
_HARMFUL = 10
"""Most harmful samples that are listed."""


def verdict_card(view: StudyInView) -> None:
    """Shows the verdict in one sentence, and the evidence that matters most."""
    icon, show = _CARDS[view.ceiling["verdict"]]
    title, colon, reason = view.ceiling["sentence"].partition(":")
    evidence = "".join(f"\n- {plain(sentence)}" for sentence in view.ceiling["evidence"][:_EVIDENCE])
    show(f"**{plain(title)}{colon}**{plain(reason)}\n{evidence}", icon=icon)
    some = len(view.ceiling["classes"]) < len(view.names)
    command_of_run("ceiling", view, {"classes": view.ceiling["classes"] if some else None})


def accuracy_metrics(view: StudyInView) -> None:
    """Shows the mean and the worst accuracy over classes."""
    columns = st.columns(4)
    for column, split in zip(columns, ("validation", "test"), strict=False):
        values = view.influence["accuracy"][split]
        known = [value for value in values or [] if value is not None]
        column.metric(
            f"Mean accuracy, {split}",
            f"{sum(known) / len(known):.1%}" if known else "no data",
            help=f"Mean over the classes of the share of {split} samples that are classified rightly.",
        )
    columns[2].metric(
        "Training samples", f"{view.influence['samples']:,}", help="Each has an influence on every class."
    )
    columns[3].metric(
        "Checkpoint",
        f"epoch {view.influence['epoch']}",
        help="The checkpoint that was analysed; [model] epoch in the study file chooses another.",
    )


def gains(view: StudyInView) -> None:
    """Shows the held-out gain of each class with its interval, in the order of the accuracy bars."""
    gain = view.ceiling["gain"]
    order = worst_first(view.influence["accuracy"]["validation"])
    judged = [k for k, name in enumerate(view.names) if name in view.ceiling["classes"]]
    some = len(judged) < len(view.names)
    figure = held_out_gains(
        view.names,
        gain["held_out"],
        gain["interval"],
        targets=judged if some else (),
        order=order,
        measurement=view.measurement,
    )
    chart(figure, "gains")
    st.caption(
        f"What a tenth of the way to the weights that help {'the judged classes (★)' if some else 'every class'} most"
        " is predicted to give, on validation samples that they were not chosen on."
        + (" The others were left free: what they lose is the price." if some else "")
    )


def headroom(view: StudyInView) -> None:
    """Shows what each class could gain by itself while no other loses, and which classes stand in its way."""
    rows = headroom_rows(view.ceiling)
    scale = WORDS[view.measurement].scale
    number = st.column_config.NumberColumn
    table(
        pd.DataFrame(
            {
                "class": [row.name for row in rows],
                "gain": [row.held_out for row in rows],
                "from": [row.low for row in rows],
                "to": [row.high for row in rows],
                "held back by": [row.costs for row in rows],
                "evidence": [row.evidence for row in rows],
            }
        ),
        "headroom",
        "headroom",
        {
            "gain": number(
                f"gain, % of {scale}",
                width="small",
                format="%+.1f",
                help="On validation samples that the weights were not chosen on, for a tenth of the way to weights that"
                " raise this class most while no other is predicted to lose.",
            ),
            "from": number("95% from", width="small", format="%+.1f", help="Lower end of this class's own interval."),
            "to": number("95% to", width="small", format="%+.1f", help="Upper end of this class's own interval."),
            "held back by": st.column_config.TextColumn(
                width="small",
                help="The classes with the highest price: this class could gain most if they were allowed to lose.",
            ),
            "evidence": st.column_config.TextColumn(
                "what is known",
                width="large",
                help="A cost is told where validation samples that the weights were not chosen on lose beyond chance"
                " (95%, for all pairs of classes together), for the same tenth of the way.",
            ),
        },
    )


def prices(view: StudyInView) -> None:
    """Shows which class stands in the way of which; a click on a cell makes the class of its row a target."""
    values = np.array(view.ceiling["prices"], dtype=float)
    matrix, told = st.columns([3, 2], gap="large", vertical_alignment="center")
    with matrix:
        chart(price_figure(view.ceiling["key"]), "prices", on_select=lambda: _row_clicked(view.names))
    scale = WORDS[view.measurement].scale
    told.markdown(
        f"What a class could gain more, in per cent of its {scale}, for each per cent that another one may lose of its"
        " own. Where nothing would be gained there is no price.\n\nA click on a cell makes the class of its row one to"
        " improve."
        if np.isfinite(values).any()
        else "Prices are known once each class has been pushed by itself."
    )


def _row_clicked(names: Sequence[str]) -> None:
    points = st.session_state["prices"]["selection"]["points"]
    if points:
        chosen = view_state.targets(names)
        view_state.set_targets({*chosen, round(points[0]["y"])}, names)


def region_counts(view: StudyInView, targets: tuple[int, ...]) -> None:
    """Shows how many samples harm or help all the chosen classes, and the most harmful ones."""
    some = len(targets) > 1
    chosen = targets if some else tuple(range(len(view.names)))
    words = ", ".join(view.names[k] for k in chosen) if some else "all classes"
    judged = WORDS[view.measurement].name
    counts = counts_by_region(view.key, chosen)
    total = sum(counts.values())
    columns = st.columns(3)
    for column, (region, title, meaning) in zip(
        columns,
        (
            ("joint_negative", "Harm every chosen class", f"joint negative: removing one lowers the {judged} of each"),
            ("joint_positive", "Help every chosen class", f"joint positive: removing one raises the {judged} of each"),
            (
                "trade_off",
                "Help some, harm others",
                "trade-off: helps some of the chosen classes at the cost of others, or leaves one as it is",
            ),
        ),
        strict=True,
    ):
        share = counts[region] / total if total else 0.0
        column.metric(
            title,
            f"{counts[region]:,} samples",
            f"{share:.1%} of the training data",
            "off",
            help=f"{meaning}. For {plain(words)}.",
            delta_arrow="off",
        )
    st.caption(f"Counted for {plain(words)}. Choose two or more classes to count for those alone.")
    harmful = most_harmful(view.key, chosen, _HARMFUL)
    names = view.names
    table(
        pd.DataFrame(
            {
                "sample": harmful["index"],
                "label": [names[k] for k in harmful["label"]],
                "model says": [names[k] for k in harmful["predicted"]],
                "confidence": harmful["confidence"],
                "summed influence": harmful["total"],
                "from": harmful["source"],
            }
        ),
        "harmful",
        "harmful-samples",
        {
            "confidence": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "summed influence": st.column_config.NumberColumn(
                format="%.3g", help=f"On {plain(words)}; negative: its presence raises their {judged}."
            ),
        },
    )
    asked = {"classes": [names[k] for k in targets] if some else None, "limit": _HARMFUL}
    command_of_run("samples", view, asked)


def spectrum_and_paper(view: StudyInView) -> None:
    """Shows the spectrum and what the paper's test says, and does not say."""
    spectrum = view.ceiling["spectrum"]
    left, right = st.columns([3, 2])
    with left:
        chart(spectrum_bars(spectrum["explained_variance_ratio"]), "spectrum")
    says = "room to improve" if spectrum["paper_says_room"] else "at the ceiling"
    right.metric(
        "First component's share of variance",
        f"{spectrum['first_ratio']:.1%}",
        help="Principal components of the influence vectors. The paper reads more than 20% as room to improve.",
    )
    right.markdown(
        f"The paper's test says **{says}**. It asks whether the vectors spread around a line, which nearly all do, also"
        " for classifiers that cannot improve. The verdict above is judged on validation samples that"
        " the weights were not chosen on."
    )


def trust(view: StudyInView) -> None:
    """Shows each reason to trust the verdict, or not."""
    marks = trust_marks(view.influence, view.ceiling)
    for column, mark in zip(st.columns(len(marks)), marks, strict=True):
        column.markdown(f"{_GRADES[mark.grade]} **{mark.name}: {mark.grade}**")
        column.caption(plain(mark.reason))
    for notice in influence_notices(view.study, view.influence):
        st.caption(f"Note: {plain(notice)}")
