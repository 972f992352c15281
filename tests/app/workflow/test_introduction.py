import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from app.workflow.introduction import model_line, removal_of, told_points
from app.workflow.synthetic import make_synthetic
from cache.store import Store
from engine.checkpoints import chosen_checkpoint
from engine.errors import RefusedInput
from engine.experiments.synthetic import synthetic_set
from engine.frontier import region_of
from engine.study import Study, load_study


@pytest.fixture(scope="module", params=[False, True], ids=["through the origin", "intercept"])
def study(request, tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("introduction") / "separable"
    make_synthetic("separable", folder, intercept=request.param)
    return load_study(folder)


def test_points_are_those_of_the_set_with_their_regions(study):
    drawn = synthetic_set("separable", 0)
    influence = np.random.default_rng(0).normal(size=(600, 2))

    points = told_points(study, influence)

    assert points[["x", "y"]].to_numpy(np.float32).tobytes() == drawn.splits["train"].inputs.tobytes()
    assert points["label"].tolist() == drawn.splits["train"].labels.tolist()
    assert np.flatnonzero(points["flipped"]).tolist() == drawn.flipped.tolist()
    names = ("joint_positive", "joint_negative", "trade_off")
    assert points["region"].tolist() == [names[number] for number in region_of(influence, 0, 1)]


def test_vectors_of_other_samples_are_refused(study):
    with pytest.raises(RefusedInput, match=r"train\.csv"):
        told_points(study, np.zeros((599, 2)))


def test_the_line_says_what_the_model_says(study):
    from engine.data import load_data
    from engine.models import load_checkpoint
    from engine.training.stored_state import untrained_model

    data = load_data(study)
    model = untrained_model(study, data)
    load_checkpoint(chosen_checkpoint(study)[1], model)
    line = model_line(study)

    predicted = model(data.validation.inputs).argmax(dim=1).numpy()
    assert ((data.validation.inputs.numpy() @ np.array(line.normal) + line.offset > 0) == predicted).all()
    assert (line.offset != 0) is study.model.bias


def test_a_study_of_another_kind_has_no_points_and_no_line(trained_digits, tmp_path):
    digits = load_study(trained_digits)

    with pytest.raises(RefusedInput, match="synthetic"):
        told_points(digits, np.zeros((200, 2)))
    make_synthetic("separable", tmp_path / "other")
    other = load_study(tmp_path / "other")
    checkpoint = chosen_checkpoint(other)[1]
    save_file({f"other.{name}": tensor for name, tensor in load_file(checkpoint).items()}, checkpoint)
    with pytest.raises(RefusedInput, match="logistic regression"):
        model_line(other)


def climb(store: Store, key: str, **changes) -> None:
    manifest = {"kind": "climb", "how": "remove", "study": {"name": "separable"}, "created": "2026-01-01", "rounds": []}
    store.run(key).finish(manifest | changes)


def test_the_newest_removal_of_the_study_is_found(tmp_path):
    make_synthetic("separable", tmp_path / "separable")
    study, store = load_study(tmp_path / "separable"), Store(tmp_path / "store")
    assert removal_of(study, store) is None
    climb(store, "weights", how="reweight")
    climb(store, "another", study={"name": "frontier"})
    climb(store, "verdict", kind="ceiling")
    store.run("unfinished").write_json("round-000.json", {})
    assert removal_of(study, store) is None

    climb(store, "old")
    climb(store, "the-newest", created="2026-03-01")
    climb(store, "older", created="2025-12-01")

    assert (removal_of(study, store) or {})["key"] == "the-newest"
