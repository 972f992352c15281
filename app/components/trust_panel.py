"""What speaks for the predictions on this model, and what against them."""

import pandas as pd
import streamlit as st

from app.components.calibration import calibration_job
from app.components.chart import chart
from app.components.command_line import command_of_run
from app.components.datamodelling_panel import datamodelling_panel
from app.components.plain import plain
from app.components.removal_panel import removal_panel
from app.components.run_views import probes
from app.components.study_in_view import StudyInView
from app.components.table import table
from app.components.verdict import trust
from app.figures import prediction_check, ranking_stability
from app.workflow.sentences import probe_sentence


def trust_panel(view: StudyInView) -> None:
    """Shows the marks, real trainings beside predictions, and how stable the ranking is."""
    trust(view)
    st.header("Predicted and measured")
    removal_panel(view)
    st.header("Which curvature predicts best?")
    datamodelling_panel(view)
    left, right = st.columns(2, gap="large")
    with left:
        st.header("In one more epoch")
        _predictions(view)
    with right:
        st.header("Does the ranking hold?")
        _stability(view)
    refused = view.influence["refused_modules"]
    if refused:
        st.header("What influence does not pass through")
        rows = pd.DataFrame({"module": [name or "the model's own" for name in refused], "why": list(refused.values())})
        table(rows, "refused_modules", "left-out-modules")


def _predictions(view: StudyInView) -> None:
    known = probes(view.key)
    if known is None:
        st.markdown(
            "A few epochs are trained with known weights of the training samples, each with its mirror image, and"
            " what happens to every class is compared with what influence predicts."
        )
        calibration_job(view)
        return
    st.markdown(plain(probe_sentence(known)))
    command_of_run("probe", view)
    if "predicted" not in known:
        st.caption("These epochs were trained by an earlier version, which did not keep the single points.")
        return
    figure = prediction_check(
        view.names, known["predicted"], known["measured"], known["factor"], known["spearman"], view.measurement
    )
    chart(figure, "prediction_check")


def _stability(view: StudyInView) -> None:
    stability = view.influence.get("stability")
    if not stability:
        st.info("Without curvature the ranking does not depend on the length of the training.")
        return
    names = [view.names[k] for k in stability["classes"]]
    chart(ranking_stability(names, stability["tenth"], stability["tenfold"]), "stability")
    st.caption(
        "Influence asks what a sample does in a training of this study's length. Here the question is asked again"
        " for trainings of a tenth and of ten times that length."
    )
