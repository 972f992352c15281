"""What a dashboard that was started with a cluster begins, and where."""

import importlib.util

import pytest

from app.workflow.cluster import OFFERED, begun_where, cluster_words, how_to_offer, offered_cluster
from app.workflow.options import ON_A_CLUSTER, options_of_result

ADDRESS = "10.0.0.1:6379"


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFFERED, ADDRESS)


def test_a_server_that_was_started_without_a_cluster_offers_none() -> None:
    assert offered_cluster({}) is None
    assert offered_cluster({OFFERED: ""}) is None
    assert offered_cluster({OFFERED: ADDRESS}) == ADDRESS


@pytest.mark.usefixtures("offered")
def test_work_goes_to_the_cluster_only_where_that_was_chosen_and_there_is_some_for_it() -> None:
    assert begun_where("reweight", {"seed": 1}, on_cluster=True) == {"seed": 1, "ray": ADDRESS}
    assert begun_where("reweight", {"seed": 1}, on_cluster=False) == {"seed": 1}
    assert begun_where("train", {"seed": 1}, on_cluster=True) == {"seed": 1}


@pytest.mark.usefixtures("offered")
def test_the_address_is_always_that_of_the_server() -> None:
    assert begun_where("reweight", {"ray": "elsewhere.example.org:6379"}, on_cluster=True) == {"ray": ADDRESS}
    assert begun_where("reweight", {"ray": "elsewhere.example.org:6379"}, on_cluster=False) == {}


def test_where_none_is_offered_work_that_was_begun_on_one_goes_on_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OFFERED, raising=False)
    assert begun_where("reweight", {"seed": 1, "ray": ADDRESS}, on_cluster=True) == {"seed": 1}


def test_options_of_a_result_are_all_but_where_the_work_is_done() -> None:
    options = {"seed": 1, "ray": ADDRESS}
    assert options_of_result(options) == {"seed": 1}
    assert options == {"seed": 1, "ray": ADDRESS}


def test_every_command_that_a_cluster_can_work_for_is_one() -> None:
    from app.workflow.commands import COMMANDS

    assert set(ON_A_CLUSTER) <= set(COMMANDS)


def test_a_cluster_is_called_by_its_address() -> None:
    assert cluster_words(ADDRESS) == f"Ray cluster {ADDRESS}"
    assert cluster_words("auto") == "Ray cluster of this machine"


def test_how_to_add_a_cluster_begins_with_ray_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "pip install" not in how_to_offer()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "after `pip install -r requirements-ray.txt`" in how_to_offer()
