"""What pages look at of a stored run, read or drawn once a server: runs never change."""

import math
from typing import Any

import numpy as np
import streamlit as st
from pandas import DataFrame
from plotly.graph_objects import Figure

from app.components.server_state import opened
from app.figures import accuracy_bars, class_matrix, influence_of_sample, pair_density, pair_scatter
from app.workflow.explore_view import SELECTABLE, PairView, pair_view
from app.workflow.harmful_view import judged_rankings
from app.workflow.improve_view import Predictor, predicted_groups
from cache.composition import Composition, Effect
from cache.density import PairPoints
from cache.fingerprints import probe_key
from cache.manifests import class_scale, measurement_of
from cache.pairs import Box
from cache.parts import Opinions, read_opinions
from cache.selections import Selection
from cache.shapes import Shape
from engine.experiments.harm_ranking import Precision, Ranking, Suspects, suspects
from engine.study import Study


@st.cache_data(show_spinner=False, max_entries=16)
def matrices(key: str) -> dict[str, np.ndarray]:
    """Returns what the matrix of class pairs shows, by kind ``(K, K)``; asked once, since runs never change."""
    cache = opened().cache
    return {"correlation": cache.correlation(key), **cache.region_shares(key)}


def probes(key: str) -> dict[str, Any] | None:
    """Returns what probe epochs say of the predictions of an influence run; None where none were trained."""
    cache, of_run = opened().cache, probe_key(key)
    return cache.run(of_run) if cache.has_run(of_run) else None


def training_seconds(key: str) -> float:
    """Returns about how long an epoch of one training takes, where several are trained side by side.

    Args:
        key: of the influence run. Without probe epochs its scoring pass is the nearest: it also passes the training
            samples once.
    """
    known = probes(key)
    return float(opened().cache.run(key)["seconds"]["scores"] if known is None else known["seconds_per_epoch"])


def predictor(study: Study, key: str, targets: tuple[int, ...]) -> Predictor:
    """Returns the warm programme for one run and one choice of targets, calibrated where there are probes."""
    known = probes(key)
    return _predictor(key, targets, study.canonical("reweight"), None if known is None else known["key"], study)


@st.cache_resource(show_spinner="Preparing the prediction …", max_entries=8)
def _predictor(key: str, targets: tuple[int, ...], settings: str, probed: str | None, _study: Study) -> Predictor:
    cache = opened().cache
    manifest = cache.run(key)
    known = None if probed is None else cache.run(probed)
    vectors, groups = _variables(key, _study.reweight.variables, _study.seed, _study)
    return Predictor.of(
        _study,
        targets,
        vectors,
        groups,
        # What is trained is told in per cent of the control's scale, and so is the prediction where it is known.
        class_scale(manifest) if known is None else np.array(known["scale"], dtype=np.float64),
        tuple(manifest["class_names"]),
        1.0 if known is None else known["factor"],
    )


@st.cache_resource(show_spinner="Preparing the prediction …", max_entries=2)
def _variables(key: str, variables: str, seed: int, _study: Study) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns what every choice of targets shares: the vectors and the groups of samples."""
    vectors = opened().cache.vectors(key, "epoch")
    return vectors, predicted_groups(_study, vectors, opened().cache.labels(key))


@st.cache_data(show_spinner=False, max_entries=64)
def counts_by_region(key: str, classes: tuple[int, ...]) -> dict[str, int]:
    """Returns how many samples lie in each region of some classes; counted once."""
    return opened().cache.subset_counts(key, classes)


@st.cache_data(show_spinner=False, max_entries=64)
def most_harmful(key: str, classes: tuple[int, ...], limit: int) -> DataFrame:
    """Returns the samples that harm some classes most; ranked once."""
    return opened().cache.ranked_samples(key, classes, "harmful", limit)


@st.cache_resource(show_spinner=False, max_entries=4)
def opinions_of(key: str) -> Opinions:
    """Returns what a search for label errors says of every sample; read once.

    Args:
        key: of the harmful run.

    Raises:
        RefusedInput: if it was deleted meanwhile or is damaged.
    """
    return read_opinions(opened().store.run(key))


@st.cache_resource(show_spinner="Ranking the samples …", max_entries=8)
def suspects_of(key: str, judged: str | None, classes: tuple[int, ...], ranking: Ranking) -> Suspects:
    """Returns the training samples in the order in which they are suspected; ranked once.

    Args:
        key: of the influence run.
        judged: key of the harmful run, or ``None`` where labels were not judged.
        classes: whose harm counts.
        ranking: by what.
    """
    quality = None if judged is None else opinions_of(judged).quality
    return suspects(opened().cache.vectors(key), quality, classes, ranking)


@st.cache_data(show_spinner=False, max_entries=64)
def precision_of_rankings(
    key: str, judged: str, classes: tuple[int, ...], limit: int
) -> dict[Ranking, Precision] | None:
    """Returns how well each ranking finds the known wrong labels, or ``None``; judged once."""
    return judged_rankings(opened().cache.vectors(key), opinions_of(judged), classes, limit)


@st.cache_resource(show_spinner="Counting the samples …", max_entries=8)
def composition_of(key: str, strongest: bool) -> Composition:
    """Returns how many samples of which class help and harm each class; counted once."""
    return opened().cache.composition(key, strongest)


@st.cache_resource(show_spinner=False, max_entries=16)
def samples_of_bar(key: str, k: int, effect: Effect, own: bool, strongest: bool) -> np.ndarray:
    """Returns the samples behind one bar of the composition, the strongest first; found once."""
    threshold = float(composition_of(key, strongest).thresholds[k])
    return opened().cache.composed_of(key, k, effect, own, threshold)


@st.cache_resource(show_spinner=False, max_entries=16)
def accuracy_figure(key: str) -> Figure:
    """Returns the bars of validation accuracy; drawn once, since they do not follow what is picked."""
    manifest = opened().cache.run(key)
    values = [math.nan if value is None else value for value in manifest["accuracy"]["validation"]]
    return accuracy_bars(manifest["class_names"], values, counts=manifest["counts"]["validation"])


@st.cache_resource(show_spinner=False, max_entries=16)
def price_figure(key: str) -> Figure:
    """Returns the price matrix of a verdict; drawn once.

    Args:
        key: of the ceiling run.
    """
    manifest = opened().cache.run(key)
    return class_matrix(manifest["class_names"], manifest["prices"], "price")


@st.cache_resource(show_spinner=False, max_entries=16)
def matrix_figure(key: str, kind: str, names: tuple[str, ...], shown: tuple[int, ...] | None) -> Figure:
    """Returns the matrix of class pairs; drawn once, since it depends on nothing that is picked.

    Args:
        key: of the influence run.
        kind: what its colour shows.
        names: of all classes.
        shown: the classes that are drawn; None: all.
    """
    return class_matrix(names, matrices(key)[kind], kind, shown)


@st.cache_resource(show_spinner=False, max_entries=4)
def pair_points(key: str, a: int, b: int) -> PairPoints:
    """Returns all samples of a run as points of a pair of classes; read once a pair."""
    return opened().cache.pair_points(key, a, b)


@st.cache_resource(show_spinner=False, max_entries=8)
def pair_picture(key: str, a: int, b: int, zoom: Box | None) -> tuple[Figure, PairView]:
    """Returns a pair's plot and what it shows; drawn once, since it depends on nothing that is picked in it."""
    cache = opened().cache
    manifest = cache.run(key)
    samples, names = manifest["samples"], manifest["class_names"]
    points = pair_points(key, a, b) if samples > SELECTABLE else None
    shown = pair_view(cache, key, (a, b), samples, points, zoom)
    if shown.density is None or shown.view is None:
        zoomed = None if zoom is None else (zoom, shown.inside)
        return pair_scatter(shown.frame, names[a], names[b], shown.counts, names, zoomed), shown
    density = (shown.density, shown.view)
    figure = pair_density(
        shown.frame, (names[a], names[b]), shown.counts, density, names, shown.above, zoom is not None
    )
    return figure, shown


@st.cache_resource(show_spinner=False, max_entries=16)
def selection_of(key: str, a: int, b: int, region: str) -> Selection:
    """Returns the samples inside a shape over a pair, given as text; found once.

    Raises:
        RefusedInput: if the text is no shape.
    """
    return opened().cache.select(key, a, b, Shape.read(region))


@st.cache_data(show_spinner=False, max_entries=64)
def neighbours_of(key: str, index: int, count: int) -> DataFrame:
    """Returns the samples that act most like one; found once."""
    return opened().cache.neighbours(key, index, count)


@st.cache_resource(show_spinner=False, max_entries=64)
def sample_figure(key: str, index: int) -> Figure:
    """Returns the bars of a sample's influence on every class; drawn once."""
    cache = opened().cache
    manifest, sample = cache.run(key), cache.sample(key, index)
    return influence_of_sample(manifest["class_names"], sample["ceiling"], sample["label"], measurement_of(manifest))
