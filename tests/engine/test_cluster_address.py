import importlib.util

import pytest

from engine.cluster_address import check_address, is_ray_installed
from engine.errors import RefusedInput


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "head.example.org:6379", "[::1]:6379"])
def test_the_address_of_a_head_is_taken(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("", "10.0.0.1", ":6379", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:²", f"10.0.0.1:{'1' * 5000}"),
        *("ray://10.0.0.1:10001", "-option:6379", "Auto", "x" * 5000),
    ],
)
def test_what_is_no_address_is_refused_with_what_one_is(address: str) -> None:
    expected = r"the address of the Ray cluster is .*Expected 'auto', or HOST:PORT"
    with pytest.raises(RefusedInput, match=expected) as told:
        check_address(address)
    assert len(str(told.value)) < 400


@pytest.mark.usefixtures("without_ray")
def test_without_ray_a_cluster_is_refused_with_the_way_to_add_it() -> None:
    assert not is_ray_installed()
    with pytest.raises(RefusedInput, match=r"Ray is not installed.*`pip install -r requirements-ray\.txt`"):
        check_address("auto")
