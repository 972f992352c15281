"""From a folder to its study file: each kind of folder, and the study that comes of it is really read."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from app.workflow.init_study import init_study
from engine.data import StudyData, load_data
from engine.study import Study, load_study
from engine.training.stored_state import trained_model, untrained_model

Told = dict[str, Any]


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    return made


def looked_at(folder: Path) -> tuple[Told, Study, StudyData]:
    """Makes the study file, and uses it: data are read, and the model is built or loaded where no code must run."""
    told = init_study(folder)
    study = load_study(folder)
    data = load_data(study)
    if not study.model.architecture.startswith("file:"):
        untrained_model(study, data) if told["next"] == "train" else trained_model(study, data, 0)
    return told, study, data


def opened(told: Told) -> str:
    return "\n".join(f"{one['what']}: {one['why']}. {one['remedy']}" for one in told["unknown"])


def reason(told: Told, key: str) -> str:
    (found,) = [one["why"] for one in told["inferred"] if one["key"] == key]
    return found


def numbers(rows: int, classes: int, columns: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose class is told by one column, of large and different scales."""
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    values = generator.normal(size=(rows, columns))
    values[np.arange(rows), labels] += 6
    return values * 10.0 ** np.arange(columns) + 100, labels


def write_table(path: Path, rows: int = 60, names: tuple[str, ...] = ("elm", "oak", "ash"), **more: Any) -> None:
    values, labels = numbers(rows, len(names))
    table = pd.DataFrame(values, columns=[f"c{place}" for place in range(values.shape[1])])
    table = table.assign(kind=[names[label] for label in labels], **more)
    table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path, index=False)


def picture(colour: int, side: tuple[int, int] = (16, 16)) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(colour).integers(0, 60, (side[1], side[0], 3))
    noise[..., colour % 3] += 150
    Image.fromarray(noise.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def write_pictures(folder: Path, each: int = 8, sides: tuple[tuple[int, int], ...] = ((16, 16),)) -> None:
    for colour, name in enumerate(("blue", "green", "red")):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            content = picture(2 - colour + 3 * number, sides[number % len(sides)])
            (folder / name / f"{number}.png").write_bytes(content)


def trained(network: nn.Module, inputs: np.ndarray, labels: np.ndarray, steps: int = 150) -> nn.Module:
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(torch.as_tensor(inputs).float()), torch.as_tensor(labels)).backward()
        optimizer.step()
    return network


def perceptron(inputs: int = 4, classes: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, classes))


def test_splits_are_found_by_their_names_and_a_column_of_words_is_the_label(folder):
    for name, rows in (("train", 60), ("dev", 30), ("test", 30)):
        write_table(folder / f"{name}.csv", rows)

    told, study, data = looked_at(folder)

    assert (study.data.train, study.data.validation, study.data.test) == ("train.csv", "dev.csv", "test.csv")
    assert study.data.label == "kind"
    assert study.data.input is None
    assert data.test is not None
    assert [len(samples) for samples in (data.train, data.validation, data.test)] == [60, 30, 30]
    assert "only column that can be classes" in reason(told, "data.label")
    assert told["unknown"] == []
    assert told["next"] == "train"


def test_normalised_inputs_have_mean_zero_and_deviation_one(folder):
    write_table(folder / "train.csv")

    _, _, data = looked_at(folder)

    prepared = data.transform.prepare(data.train.inputs)
    assert prepared.mean(0).abs().max() < 0.2
    assert (prepared.std(0) - 1).abs().max() < 0.3


def test_a_single_table_gives_a_fifth_of_itself_and_the_missing_test_is_told(folder):
    write_table(folder / "everything.csv", 100)

    told, study, data = looked_at(folder)

    assert study.data.validation == 0.2
    assert len(data.validation) == 21
    assert "test data" in opened(told)


def test_delimiters_row_numbers_and_columns_of_other_words_are_seen(folder):
    values, labels = numbers(60, 2)
    with (folder / "train.csv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["id", "a", "b", "remark", "target"])
        for row, (value, label) in enumerate(zip(values, labels, strict=True)):
            writer.writerow([row, *value[:2], f"remark {row}", label])

    told, study, _ = looked_at(folder)

    assert (study.data.delimiter, study.data.label) == (";", "target")
    assert study.data.input == ("a", "b")
    assert "'id', which only numbers the rows" in reason(told, "data.input")
    assert "how to use 'remark'" in opened(told)


def test_two_columns_that_could_be_the_label_are_told(folder):
    write_table(folder / "train.csv", label=list("ab") * 30, category=list("xyz") * 20)

    told, study, _ = looked_at(folder)

    assert study.data.label == "label"
    assert "'category' could be it as well as 'label'" in opened(told)


def test_parquet_as_hugging_face_writes_it_is_read_as_pictures(folder):
    rows = [{"bytes": picture(number), "path": None} for number in range(30)]
    table = pa.table({"img": rows, "label": pa.array([number % 3 for number in range(30)])})
    (folder / "data").mkdir()
    for split in ("train", "test"):
        pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")

    _, study, data = looked_at(folder)

    assert (study.data.input, study.data.label, study.data.modality) == ("img", "label", "image")
    assert study.data.test == "data/test-00000-of-00001.parquet"
    assert data.train.inputs.shape[1:] == (3, 16, 16)
    assert study.data.transform.resize is None
    assert study.model.architecture == "cnn"


def test_parquet_of_numbers_is_read_as_a_table(folder):
    write_table(folder / "train.parquet")

    _, study, data = looked_at(folder)

    assert (study.data.modality, study.data.label) == ("tabular", "kind")
    assert data.class_names == ("ash", "elm", "oak")


@pytest.mark.parametrize("pictures", [True, False])
def test_arrays_are_told_by_shape_and_type(folder, pictures):
    inputs = np.zeros((40, 12, 12), np.uint8) if pictures else numbers(40, 2)[0]
    if pictures:
        inputs[::2] = 200
        inputs[:, 0, 0] = np.arange(40)
    np.savez(folder / "train.npz", note=np.arange(3), pixels=inputs, y=np.arange(40) % 2)

    told, study, _ = looked_at(folder)

    assert (study.data.input, study.data.label) == ("pixels", "y")
    assert study.data.modality == ("image" if pictures else "tabular")
    assert "what 'note' in train.npz is for" in opened(told)


def test_folders_of_class_folders_are_read_and_sizes_that_differ_are_brought_to_one(folder):
    for name in ("train", "valid"):
        write_pictures(folder / name, sides=((40, 36), (50, 44)))

    told, study, data = looked_at(folder)

    assert study.data.format == "image_folder"
    assert study.data.validation == "valid"
    assert data.class_names == ("blue", "green", "red")
    assert study.data.transform.resize == 32
    assert "the size of pictures that the model was trained on" in opened(told)


def test_class_folders_beside_the_study_file_do_not_count_the_checkpoints_as_a_class(folder, run_use_case, empty_store):
    write_pictures(folder)

    _, study, _ = looked_at(folder)
    run_use_case("train", study.with_changes(training={"epochs": 1}), empty_store)

    assert study.data.train == "."
    assert load_data(load_study(folder)).class_names == ("blue", "green", "red")


def test_files_of_torchvision_are_known(folder):
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 100), ("t10k", 20)):
        pixels = np.random.default_rng(0).integers(0, 255, (count, 28, 28), np.uint8)
        head = b"\0\0\x08\x03" + b"".join(int(size).to_bytes(4, "big") for size in pixels.shape)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + count.to_bytes(4, "big") + labels.tobytes())

    _, study, data = looked_at(folder)

    assert (study.data.format, study.data.dataset, study.data.root) == ("torchvision", "MNIST", ".")
    assert data.num_classes == 10


SENTENCES = (
    "the match, long, wet and cold, ended in a draw",
    "shares of the bank fell; analysts say",
    "a new comet was seen",
)


def write_texts(path: Path, delimiter: str, header: str) -> None:
    names = ("sport", "money", "sky")
    with path.open("w", newline="") as file:
        file.write(header)
        writer = csv.writer(file, delimiter=delimiter)
        for row in range(60):
            writer.writerow([f"{SENTENCES[row % 3]} on day {row}", names[row % 3]])


def test_a_table_with_sentences_is_text(folder):
    write_texts(folder / "train.csv", ",", "text,label\n")

    told, study, read = looked_at(folder)

    data = study.data
    assert read.class_names == ("money", "sky", "sport")
    assert (data.modality, data.input, data.label) == ("text", "text", "label")
    assert data.features is not None
    assert data.features.kind == "tfidf"
    assert study.model.architecture == "logistic_regression"
    assert told["next"] == "train"


def test_text_and_label_without_a_line_of_names_are_told_apart(folder):
    write_texts(folder / "train.txt", ";", "")

    told, study, read = looked_at(folder)

    data = study.data
    assert len(read.train) + len(read.validation) == 60
    assert (data.format, data.delimiter, data.header) == ("csv", ";", False)
    assert (data.input, data.label) == ("text", "label")
    assert "first line is a sample" in reason(told, "data.header")


def test_columns_of_a_table_without_names_get_some(folder):
    values, labels = numbers(60, 2)
    np.savetxt(folder / "train.csv", np.column_stack([values, labels]), delimiter=",", fmt="%.4f")

    _, study, read = looked_at(folder)

    data = study.data
    assert len(read.train) + len(read.validation) == 60
    assert data.header == ("column_0", "column_1", "column_2", "column_3", "label")
    assert data.label == "label"


def test_a_fitted_model_of_scikit_learn_is_known(folder):
    import skops.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    write_table(folder / "train.csv")
    values, labels = numbers(60, 3)
    names = np.array(["elm", "oak", "ash"])[labels]
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(values, names)
    skops.io.dump(fitted, folder / "model.skops")
    (folder / "old.pkl").write_bytes(b"")

    told, study, _ = looked_at(folder)

    assert (study.model.architecture, study.model.checkpoints) == ("sklearn", "model.skops")
    assert study.data.transform.mean is None
    assert "inputs as they are: 100%" in opened(told)
    assert "skops.io.dump" in opened(told)
    # Three classes, C = 1 and the 48 samples that are not set aside.
    assert study.training.weight_decay == pytest.approx(1 / 48, rel=1e-2)
    assert "its penalty is about" not in opened(told)


@pytest.mark.parametrize("is_set_aside", [True, False])
def test_that_a_checkpoint_may_have_seen_what_is_set_aside_is_told(folder, is_set_aside):
    write_table(folder / "train.csv")
    torch.save(perceptron().state_dict(), folder / "m.pt")
    if not is_set_aside:
        write_table(folder / "validation.csv")

    told, _, _ = looked_at(folder)

    assert ("whether the model has seen the validation samples" in opened(told)) == is_set_aside


def test_a_checkpoint_tells_the_network_the_normalisation_and_the_order_of_the_classes(folder):
    write_table(folder / "train.csv", 120)
    values, labels = numbers(120, 3)
    network = trained(perceptron(), (values - values.mean(0)) / values.std(0), labels)
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in network.state_dict().items()}}, folder / "m.pt"
    )

    told, study, _ = looked_at(folder)

    assert (study.model.architecture, study.model.hidden, study.model.checkpoints) == ("mlp", (8,), "m.pt")
    assert study.data.class_names == ("elm", "oak", "ash")
    assert study.data.transform.mean is not None
    assert "100%; inputs as they are" in reason(told, "data.transform.mean")
    assert "how the model was trained" in opened(told)
    assert told["next"] == "ceiling"


def test_a_network_that_was_trained_on_inputs_as_they_are_gets_them_so(folder):
    values, labels = numbers(120, 3, columns=3)
    values = (values - 100) / 10.0 ** np.arange(3) + 3
    np.savez(folder / "train.npz", x=values, y=labels)
    save_file(trained(perceptron(3), values, labels, 400).state_dict(), folder / "model.safetensors")

    told, study, _ = looked_at(folder)

    assert study.data.transform.mean is None
    assert "inputs as they are: 100%" in opened(told)


def test_the_last_of_numbered_checkpoints_is_analysed_and_its_number_is_the_epochs(folder):
    write_table(folder / "train.csv")
    (folder / "checkpoints").mkdir()
    for epoch in (3, 12):
        save_file(perceptron().state_dict(), folder / "checkpoints" / f"epoch-{epoch:03d}.safetensors")

    told = init_study(folder)

    study = load_study(folder)
    assert study.model.checkpoints == "checkpoints"
    assert study.training.epochs == 12
    assert "epoch-012.safetensors" in reason(told, "model.checkpoints")


def test_a_network_of_torchvision_is_recognised_by_its_tensors(folder):
    from torchvision.models import resnet18

    write_pictures(folder / "train")
    save_file(resnet18(num_classes=3).state_dict(), folder / "model.safetensors")

    told, study, _ = looked_at(folder)

    assert study.model.architecture == "torchvision:resnet18"
    assert "names and shapes" in reason(told, "model.architecture")


def test_pictures_are_brought_to_the_side_that_the_first_layer_takes(folder):
    write_pictures(folder / "train", sides=((16, 16), (20, 18)))
    save_file(perceptron(3 * 12 * 12).state_dict(), folder / "model.safetensors")

    _, study, data = looked_at(folder)

    assert study.data.transform.resize == 12
    assert data.train.inputs.shape[2:] == (12, 12)


def test_a_column_that_numbers_the_rows_is_an_input_where_the_first_layer_needs_it(folder):
    write_table(folder / "train.csv", id=list(range(60)))
    save_file(perceptron(5).state_dict(), folder / "model.safetensors")

    _, study, _ = looked_at(folder)

    assert study.data.input == ("c0", "c1", "c2", "c3", "id")


def test_a_count_of_classes_or_inputs_that_differs_from_the_checkpoint_is_told(folder):
    write_table(folder / "train.csv")
    save_file(perceptron(7, classes=5).state_dict(), folder / "model.safetensors")

    told = init_study(folder)

    assert "trained for 5 classes, and the labels have 3: 'ash', 'elm', 'oak'" in opened(told)
    assert "takes 7 numbers, and a sample has 4" in opened(told)
    assert load_study(folder).model.architecture == "mlp"


def test_a_checkpoint_that_is_hardly_right_is_told(folder):
    write_table(folder / "train.csv", 120)
    network = perceptron()
    state = network.state_dict() | {"3.weight": torch.zeros(3, 8)}
    save_file(state, folder / "model.safetensors")

    told, _, _ = looked_at(folder)

    assert "whether the checkpoint belongs to the data" in opened(told)


def test_layers_by_other_names_are_told_with_what_to_write(folder):
    write_table(folder / "train.csv")
    save_file(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).state_dict(), folder / "model.safetensors")

    told, study, _ = looked_at(folder)

    assert study.model.architecture == "file:model.py:build"
    assert "0.bias (8,), 0.weight (8, 4)" in opened(told)
    assert "def build(input_shape, num_classes)" in opened(told)
    assert "1.weight, 3.weight" in opened(told)
    assert "'mlp' with hidden = [8]" in opened(told)


def test_a_function_that_builds_a_network_is_proposed_and_never_run(folder):
    write_table(folder / "train.csv")
    (folder / "net.py").write_text(
        "open('ran', 'w')\n\ndef helper(a): ...\n\ndef build(shape, classes):\n    raise SystemExit\n"
    )
    save_file({"odd": torch.zeros(3)}, folder / "model.safetensors")

    told, study, _ = looked_at(folder)

    assert study.model.architecture == "file:net.py:build"
    assert f"set PARETOSCOPE_CODE_ROOT={folder}" in opened(told)
    assert sorted(path.name for path in folder.iterdir()) == ["model.safetensors", "net.py", "study.toml", "train.csv"]


def test_a_class_without_a_function_is_told(folder):
    write_table(folder / "train.csv")
    (folder / "net.py").write_text("from torch import nn\nclass Net(nn.Module):\n    pass\n")
    save_file({"odd": torch.zeros(3)}, folder / "model.safetensors")

    assert "'Net in net.py', and no function" in opened(init_study(folder))


def test_what_is_proposed_without_a_checkpoint_learns_the_task(folder, run_use_case, empty_store):
    write_table(folder / "train.csv", 200)
    init_study(folder)

    result = run_use_case("train", folder, empty_store)

    assert min(result["per_class_accuracy"][-1]["validation"]) > 0.8


def test_the_file_says_why_above_each_key_and_what_is_open_at_its_head(folder):
    write_table(folder / "train.csv")

    told = init_study(folder)

    lines = (folder / "study.toml").read_text().splitlines()
    place = lines.index('label = "kind"')
    assert reason(told, "data.label") in lines[place - 1]
    assert any(line.startswith("# - test data:") for line in lines[: lines.index("[data]")])


def test_two_looks_at_one_folder_write_the_same_bytes(folder):
    write_pictures(folder / "train")
    init_study(folder)
    before = (folder / "study.toml").read_bytes()

    init_study(folder, overwrite=True)

    assert (folder / "study.toml").read_bytes() == before
