import json
import pickle
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from skops import io as skops
from torch import nn

from engine.data import StudyData, load_data
from engine.errors import RefusedInput
from engine.models import build_model, load_checkpoint
from engine.models.sklearn_models import SklearnModel
from engine.study import Model, Study, study_problems
from engine.training.stored_state import trained_model
from engine.training.train import train

Fitted = Any


def table(classes: int = 3, count: int = 150, features: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return generator.normal(size=(count, features)) + labels[:, None] * np.linspace(-1, 1, features), labels


def fitted(model: Fitted, inputs: np.ndarray, labels: np.ndarray) -> Fitted:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Convergence is not what is asked here.
        return model.fit(inputs, labels)


def converted(model: Fitted, folder: Path, shape: tuple[int, ...] = (5,)) -> nn.Module:
    skops.dump(model, folder / "model.skops")
    classes = len(model.classes_)
    network = build_model(Model(architecture="sklearn", checkpoints="model.skops"), shape, classes, 0, folder)
    load_checkpoint(folder / "model.skops", network)
    return network.eval()


def mlp(**options: Any) -> MLPClassifier:
    return MLPClassifier(**{"hidden_layer_sizes": (8, 4), "max_iter": 30, "random_state": 0, **options})


MODELS: dict[str, Callable[[], Fitted]] = {
    "logistic regression": LogisticRegression,
    "without an intercept": lambda: LogisticRegression(fit_intercept=False),
    "without a penalty": lambda: LogisticRegression(C=np.inf),
    "sag with a random state": lambda: LogisticRegression(solver="sag", random_state=np.random.RandomState(3)),
    "relu": mlp,
    "tanh": lambda: mlp(activation="tanh", solver="sgd", learning_rate="adaptive"),
    "logistic": lambda: mlp(activation="logistic", solver="lbfgs"),
    "identity": lambda: mlp(activation="identity"),
    "no hidden layer": lambda: mlp(hidden_layer_sizes=()),
    "early stopping": lambda: mlp(early_stopping=True),
    "standardised regression": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "standardised perceptron": lambda: make_pipeline(StandardScaler(), mlp()),
    "not centred": lambda: make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
    "not scaled": lambda: make_pipeline(StandardScaler(with_std=False), LogisticRegression()),
    "passed through": lambda: make_pipeline("passthrough", LogisticRegression()),
}


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", MODELS)
def test_probabilities_are_those_of_scikit_learn(tmp_path: Path, name: str, classes: int) -> None:
    inputs, labels = table(classes)
    model = fitted(MODELS[name](), inputs, labels)

    network = converted(model, tmp_path)

    probabilities = network(torch.from_numpy(inputs).float()).softmax(1).detach().numpy()
    expected = model.predict_proba(inputs)
    # Without a penalty that is worth the name, this one has weights so large that float32 rounds them to 1.4e-6.
    assert np.abs(probabilities - expected).max() <= (3e-6 if name == "logistic" else 1e-6)
    network.double().load_state_dict(SklearnModel.read(tmp_path / "model.skops").tensors())
    exact = network(torch.from_numpy(inputs)).softmax(1).detach().numpy()
    assert np.abs(exact - expected).max() <= 1e-12
    assert (probabilities.argmax(1) == model.predict(inputs)).all()


@pytest.mark.parametrize("classes", [2, 4])
def test_in_float64_they_are_equal_also_where_inputs_are_large(tmp_path: Path, classes: int) -> None:
    inputs, labels = table(classes)
    inputs = inputs * 300 + 2000
    model = fitted(make_pipeline(StandardScaler(), LogisticRegression(C=1e4)), inputs, labels)

    network = converted(model, tmp_path).double()
    network.load_state_dict(SklearnModel.read(tmp_path / "model.skops").tensors())

    assert (
        np.abs(network(torch.from_numpy(inputs)).softmax(1).detach().numpy() - model.predict_proba(inputs)).max()
        < 1e-12
    )


def test_two_classes_have_the_logits_that_weight_decay_keeps(tmp_path: Path) -> None:
    inputs, labels = table(2)
    model = fitted(LogisticRegression(), inputs, labels)

    network = converted(model, tmp_path)

    linear: Any = network.get_submodule("1")
    assert torch.equal(linear.weight, torch.from_numpy(np.concatenate([-model.coef_, model.coef_]) / 2).float())


def test_names_are_those_of_our_own_architectures(tmp_path: Path) -> None:
    inputs, labels = table()
    for name, ours in (("logistic regression", "logistic_regression"), ("relu", "mlp")):
        network = converted(fitted(MODELS[name](), inputs, labels), tmp_path)
        hidden = {"hidden": (8, 4)} if ours == "mlp" else {}
        own: Any = build_model(Model(architecture=ours, **hidden), (5,), 3, 0)
        own.load_state_dict(network.state_dict())
        assert torch.equal(own(torch.ones(2, 5)), network(torch.ones(2, 5)))


@pytest.mark.parametrize(
    ("model", "held"),
    [
        (SVC(), "sklearn.svm._classes.SVC"),
        (Ridge(), "Ridge"),
        (make_pipeline(MinMaxScaler(), LogisticRegression()), "MinMaxScaler"),
        (StandardScaler(), "holds StandardScaler"),
        (make_pipeline(LogisticRegression()).set_params(memory="/tmp"), None),
        (make_pipeline(StandardScaler(), StandardScaler(), LogisticRegression()), "standardises 2 times"),
    ],
)
def test_what_is_no_known_model_is_refused_by_its_name(tmp_path: Path, model: Fitted, held: str | None) -> None:
    inputs, labels = table()
    skops.dump(fitted(model, inputs, labels), tmp_path / "model.skops")

    if held is None:
        assert SklearnModel.read(tmp_path / "model.skops").features == 5
        return
    with pytest.raises(RefusedInput, match=held):
        SklearnModel.read(tmp_path / "model.skops")


def test_a_model_that_is_not_fitted_or_has_several_labels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    for model in (LogisticRegression(), mlp(), make_pipeline(StandardScaler(), LogisticRegression())):
        skops.dump(model, path)
        with pytest.raises(RefusedInput, match="not fitted"):
            SklearnModel.read(path)
    inputs, labels = table()
    skops.dump(fitted(mlp(), inputs, np.eye(3)[labels][:, :2].astype(int)), path)
    with pytest.raises(RefusedInput, match="one class of two or more for each sample"):
        SklearnModel.read(path)


@pytest.mark.parametrize(("kind", "classes"), [("ovr", 3), ("multinomial", 2)])
def test_probabilities_of_older_versions_that_are_no_softmax_are_refused(
    tmp_path: Path, kind: str, classes: int
) -> None:
    model = fitted(LogisticRegression(), *table(classes))
    model.multi_class = kind
    skops.dump(model, tmp_path / "model.skops")

    with pytest.raises(RefusedInput, match=f"multi_class = '{kind}'"):
        SklearnModel.read(tmp_path / "model.skops")


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "models/model.pickle", "MODEL.PKL"])
def test_a_pickle_is_refused_with_the_reason_and_the_way_to_convert_it(name: str) -> None:
    values = {
        "name": "a",
        "data": {"format": "csv", "train": "a.csv", "validation": 0.2},
        "model": {"architecture": "sklearn", "checkpoints": name},
    }

    told = str(study_problems(values, Path())["model"])

    assert "run whatever code is in them" in told
    assert "joblib.load" in told
    assert "skops.io.dump" in told


class Payload:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_a_pickle_under_another_name_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))

    with pytest.raises(RefusedInput, match=r"is a pickle or joblib file.*skops\.io\.dump"):
        SklearnModel.read(tmp_path / "model.skops")
    assert not (tmp_path / "ran").exists()


def test_skops_goes_with_sklearn_alone() -> None:
    data = {"format": "csv", "train": "a.csv", "validation": 0.2}
    for model, told in (
        ({"architecture": "mlp", "checkpoints": "model.skops"}, "architecture = 'sklearn' for a file of skops"),
        ({"architecture": "sklearn", "checkpoints": "model.safetensors"}, "the fitted model in a .skops file"),
        ({"architecture": "sklearn"}, "the fitted model in a .skops file"),
        ({"architecture": "sklear", "checkpoints": "a.skops"}, "Write 'sklearn' if that is what was meant"),
    ):
        assert told in str(study_problems({"name": "a", "data": data, "model": model}, Path())["model"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    skops.dump(fitted(LogisticRegression(), *table()), tmp_path / "model.skops")
    return tmp_path / "model.skops"


def rewritten(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the schema of a skops file."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    change(schema)
    members["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "piece",
    [
        {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": "system"},
        {"__class__": "str", "__module__": "builtins", "__loader__": "FunctionNode"},
        {"__class__": "system", "__module__": "os", "__loader__": "TypeNode"},
        {"__class__": "LogisticRegression", "__module__": "sklearn.linear_model._logistic", "__loader__": "MethodNode"},
        {"__class__": "system", "__module__": "os", "__loader__": "ObjectNode", "content": None},
        {"__class__": "TreeNode", "__module__": "quantile_forest._quantile_forest_fast", "__loader__": "TreeNode"},
        {"__loader__": "JsonNode", "content": "1"},
    ],
)
def test_no_other_piece_is_built(file: Path, piece: dict[str, Any]) -> None:
    rewritten(file, lambda schema: schema["content"]["content"].update(extra=piece))

    with pytest.raises(RefusedInput, match="which is not loaded"):
        SklearnModel.read(file)


@pytest.mark.parametrize("damage", ["empty", "half", "page", "random", "no schema", "flipped"])
def test_a_damaged_file_is_refused(file: Path, damage: str) -> None:
    content = file.read_bytes()
    if damage == "no schema":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.npy", b"")
    else:
        flipped = content[:200] + bytes(byte ^ 255 for byte in content[200:400]) + content[400:]
        changed = {"empty": b"", "half": content[: len(content) // 2], "page": b"<html>", "random": b"PK\x03\x04" * 99}
        file.write_bytes({**changed, "flipped": flipped}[damage])

    with pytest.raises(RefusedInput, match=r"model\.skops"):
        SklearnModel.read(file)


def test_an_archive_that_would_unpack_to_too_much_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.models.sklearn_files._MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(2 << 20))

    with pytest.raises(RefusedInput, match="would unpack to 2,097,152 bytes"):
        SklearnModel.read(file)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = fitted(LogisticRegression(), *table())
    model.coef_[1, 2] = np.nan
    skops.dump(model, tmp_path / "model.skops")

    with pytest.raises(RefusedInput, match="do not fit"):
        SklearnModel.read(tmp_path / "model.skops")


def study_of(folder: Path, names: np.ndarray, model: Fitted, **tables: Any) -> Study:
    """Returns a study of a table with named labels, and of a model that was fitted on it."""
    inputs, labels = table(len(names))
    rows = [",".join(map(str, [*row, names[label]])) for row, label in zip(inputs, labels, strict=True)]
    (folder / "train.csv").write_text("a,b,c,d,e,label\n" + "\n".join(rows) + "\n")
    skops.dump(fitted(model, inputs, names[labels]), folder / "model.skops")
    return Study.model_validate(
        {
            "name": "sk",
            "folder": folder,
            "data": {"format": "csv", "train": "train.csv", "validation": 0.2},
            "model": {"architecture": "sklearn", "checkpoints": "model.skops"},
            **tables,
        }
    )


@pytest.mark.parametrize(
    "names", [np.array(["x", "y", "z"]), np.array([0, 1, 2]), np.array([7, 8, 9]), np.array([1.0, 2, 3])]
)
def test_a_study_takes_the_model_for_its_own_classes(tmp_path: Path, names: np.ndarray) -> None:
    study = study_of(tmp_path, names, LogisticRegression())
    if names.dtype.kind == "f":
        text = (tmp_path / "train.csv").read_text()
        (tmp_path / "train.csv").write_text(text.replace(".0\n", "\n"))

    data = load_data(study)
    network, notices = trained_model(study, data, 0)

    assert len(notices) == 1
    assert "fitted by scikit-learn's lbfgs" in notices[0]
    assert (network(data.validation.inputs).argmax(1) == data.validation.labels).float().mean() > 0.8


def test_classes_in_another_order_are_refused(tmp_path: Path) -> None:
    study = study_of(tmp_path, np.array(["x", "y", "z"]), LogisticRegression())
    other = study.with_changes(data={"class_names": ("z", "y", "x")})

    with pytest.raises(RefusedInput, match=r"has the classes x, y, z and the data z, y, x.*Set class_names"):
        trained_model(other, load_data(other), 0)


@pytest.mark.parametrize(
    ("names", "is_one_order"),
    [
        (("x", "y", "z"), True),
        (("0", "1", "2"), True),
        (("2", "1", "0"), False),
    ],
)
def test_numbers_of_classes_are_those_of_the_data_unless_these_are_called_so(
    file: Path, names: tuple[str, ...], is_one_order: bool
) -> None:
    model = SklearnModel.read(file)

    if is_one_order:
        model.check_classes(names, file)
        return
    with pytest.raises(RefusedInput, match="has the classes 0, 1, 2 and the data 2, 1, 0"):
        model.check_classes(names, file)


def test_numbers_that_are_sorted_as_words_are_refused(tmp_path: Path) -> None:
    model = fitted(LogisticRegression(), *table(11))
    skops.dump(model, tmp_path / "model.skops")
    names = tuple(sorted(map(str, range(11))))

    with pytest.raises(RefusedInput, match="and the data 0, 1, 10, 2"):
        SklearnModel.read(tmp_path / "model.skops").check_classes(names, tmp_path / "model.skops")


def test_other_columns_or_classes_than_those_it_was_fitted_on_are_refused(tmp_path: Path) -> None:
    study = study_of(tmp_path, np.array(["x", "y", "z"]), LogisticRegression())
    fewer = study.with_changes(data={"input": ("a", "b")})
    with pytest.raises(RefusedInput, match="was fitted on 5 numbers a sample, the data have 2"):
        trained_model(fewer, load_data(fewer), 0)

    skops.dump(fitted(LogisticRegression(), *table(2)), tmp_path / "model.skops")
    with pytest.raises(RefusedInput, match="was trained for 2 classes, but the data have 3"):
        trained_model(study, load_data(study), 0)


@pytest.mark.parametrize(
    ("model", "classes", "decay"),
    [
        (LogisticRegression(C=2.0), 3, 1 / (2.0 * 120)),
        (LogisticRegression(C=2.0), 2, 2 / (2.0 * 120)),
        (mlp(alpha=0.3), 3, 0.3 / 120),
        (mlp(alpha=0.3, batch_size=30), 3, 0.01),
        (mlp(alpha=0.3, batch_size=30, solver="lbfgs"), 3, 0.3 / 120),
    ],
)
def test_its_penalty_is_told_as_a_weight_decay(tmp_path: Path, model: Fitted, classes: int, decay: float) -> None:
    study = study_of(tmp_path, np.array(["x", "y", "z"])[:classes], model)
    data = load_data(study)

    (told,) = trained_model(study, data, 0)[1]
    (same,) = trained_model(study.with_changes(training={"weight_decay": decay}), data, 0)[1]

    assert f"its penalty is about weight_decay = {decay:.3g} there, which says 0" in told
    assert "weight_decay" not in same


def test_that_weight_decay_is_the_one_under_which_the_fit_stands_still(tmp_path: Path) -> None:
    for classes in (2, 3):
        inputs, labels = table(classes)
        network: Any = converted(
            fitted(LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000), inputs, labels), tmp_path
        ).double()
        found = SklearnModel.read(tmp_path / "model.skops")
        network.load_state_dict(found.tensors())
        decay = found.weight_decay(len(labels))
        assert decay is not None

        loss = nn.functional.cross_entropy(network(torch.from_numpy(inputs)), torch.from_numpy(labels))
        weight = network.get_submodule("1").weight
        loss = loss + decay / 2 * weight.square().sum()
        (gradient,) = torch.autograd.grad(loss, [weight])
        assert gradient.abs().max() < 1e-5


def test_other_penalties_and_weights_are_told(tmp_path: Path) -> None:
    names = np.array(["x", "y", "z"])
    study = study_of(tmp_path, names, LogisticRegression(l1_ratio=1, solver="saga", class_weight="balanced"))

    told, weighted = trained_model(study, load_data(study), 0)[1]

    assert "its penalty is no weight decay" in told
    assert "class_weight" in weighted


def test_it_is_not_trained_over(tmp_path: Path) -> None:
    study = study_of(tmp_path, np.array(["x", "y", "z"]), LogisticRegression())
    data: StudyData = load_data(study)
    before = (tmp_path / "model.skops").read_bytes()

    with pytest.raises(RefusedInput, match=r"model\.skops, which scikit-learn has fitted.*architecture = 'mlp'"):
        train(study, data)
    assert (tmp_path / "model.skops").read_bytes() == before


def test_a_checkpoint_of_torch_that_is_a_model_of_scikit_learn_is_told(tmp_path: Path, file: Path) -> None:
    shutil.copy(file, tmp_path / "model.pt")

    with pytest.raises(RefusedInput, match="Set architecture = 'sklearn'"):
        load_checkpoint(tmp_path / "model.pt", nn.Linear(5, 3))
