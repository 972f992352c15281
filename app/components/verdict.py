"""The parts of the Ceiling page: the verdict's card, counts by region, the paper's test, trust."""

import pandas as pd
import streamlit as st

from app.components.chart import chart
from app.components.study_page import StudyInView
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


def verdict_card(view: StudyInView) -> None:
    """Shows the verdict in one sentence, and the evidence that matters most."""
    icon, show = _CARDS[view.ceiling["verdict"]]
    title, colon, reason = view.ceiling["sentence"].partition(":")
    evidence = "".join(f"\n- {sentence}" for sentence in view.ceiling["evidence"][:_EVIDENCE])
    show(f"**{title}{colon}**{reason}\n{evidence}", icon=icon)


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
    st.dataframe(
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
        hide_index=True,
        width="stretch",
        column_config={
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


def region_counts(view: StudyInView, targets: tuple[int, ...]) -> None:
    """Shows how many samples harm or help all the chosen classes, and the most harmful ones."""
    chosen = targets if len(targets) > 1 else tuple(range(len(view.names)))
    words = ", ".join(view.names[k] for k in chosen) if len(targets) > 1 else "all classes"
    judged = WORDS[view.measurement].name
    counts = view.cache.subset_counts(view.key, chosen)
    total = sum(counts.values())
    columns = st.columns(3)
    for column, (region, title, meaning) in zip(
        columns,
        (
            ("joint_negative", "Harm every chosen class", f"joint negative: removing one lowers the {judged} of each"),
            ("joint_positive", "Help every chosen class", f"joint positive: removing one raises the {judged} of each"),
            ("trade_off", "Help some, harm others", "trade-off"),
        ),
        strict=True,
    ):
        share = counts[region] / total if total else 0.0
        column.metric(
            title,
            f"{counts[region]:,} samples",
            f"{share:.1%} of the training data",
            "off",
            help=f"{meaning}. For {words}.",
            delta_arrow="off",
        )
    st.caption(f"Counted for {words}. Choose two or more classes to count for those alone.")
    harmful = view.cache.ranked_samples(view.key, chosen, "harmful", 10)
    names = view.names
    st.dataframe(
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
        hide_index=True,
        width="stretch",
        column_config={
            "confidence": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "summed influence": st.column_config.NumberColumn(
                format="%.3g", help=f"On {words}; negative: its presence raises their {judged}."
            ),
        },
    )


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
        column.caption(mark.reason)
    for notice in influence_notices(view.study, view.influence):
        st.caption(f"Note: {notice}")
