from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from engine.data import StudyData, load_data, load_excerpt
from engine.errors import Cancelled, RefusedInput
from engine.study import Study

MakeStudy = Callable[..., Study]


def write_table(path: Path, classes: list[str], start: int = 0) -> None:
    rows = [f"{start + row},{(start + row) / 2},{name}" for row, name in enumerate(classes)]
    path.write_text("\n".join(["a,b,label", *rows]) + "\n")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Three CSV files of 20, 8 and 6 samples of two classes."""
    write_table(tmp_path / "train.csv", ["cat", "dog"] * 10)
    write_table(tmp_path / "validation.csv", ["dog", "cat"] * 4, start=100)
    write_table(tmp_path / "test.csv", ["cat"] * 6, start=200)
    return tmp_path


CSV = {"format": "csv", "train": "train.csv", "validation": "validation.csv", "test": "test.csv"}


def same(one: StudyData, other: StudyData) -> bool:
    pairs = ((one.train, other.train), (one.validation, other.validation))
    return all(torch.equal(a.inputs, b.inputs) and a.sources == b.sources for a, b in pairs)


def test_three_files_become_three_splits_of_one_shape(make_study: MakeStudy, tables: Path) -> None:
    data = load_data(make_study(**CSV))
    assert data.class_names == ("cat", "dog")
    assert data.num_classes == 2
    assert data.test is not None
    assert [len(split) for split in (data.train, data.validation, data.test)] == [20, 8, 6]
    assert data.train.labels.dtype == torch.int64
    assert data.validation.labels.tolist() == [1, 0] * 4
    assert data.validation.inputs[0].tolist() == [100, 50]
    assert data.validation.sources[0] == "validation.csv#0"
    assert data.notices == ()


def test_a_fraction_is_taken_of_each_class_before_the_limits(make_study: MakeStudy, tables: Path) -> None:
    data = load_data(make_study(format="csv", train="train.csv", validation=0.4, limit={"train": 3}))
    assert data.test is None
    assert data.train.labels.bincount().tolist() == [3, 3]
    assert data.validation.labels.bincount().tolist() == [4, 4]
    assert not set(data.train.sources) & set(data.validation.sources)
    rows = [int(source.split("#")[1]) for source in data.train.sources]
    assert rows == sorted(rows)
    assert data.train.inputs[:, 0].tolist() == rows


def test_the_same_study_gives_the_same_samples_and_another_seed_others(make_study: MakeStudy, tables: Path) -> None:
    first, again, other = (
        load_data(make_study(seed, format="csv", train="train.csv", validation=0.4, limit={"train": 3}))
        for seed in (1, 1, 2)
    )
    assert same(first, again)
    assert not same(first, other)


def test_a_limit_draws_by_the_seed(make_study: MakeStudy, tables: Path) -> None:
    first, other = (load_data(make_study(seed, **CSV, limit={"train": 3})) for seed in (1, 2))
    assert first.train.sources != other.train.sources


def test_a_limit_of_one_split_does_not_move_another(make_study: MakeStudy, tables: Path) -> None:
    free = load_data(make_study(format="csv", train="train.csv", validation=0.4, limit={"validation": 2}))
    limited = load_data(
        make_study(format="csv", train="train.csv", validation=0.4, limit={"validation": 2, "train": 2})
    )
    assert free.validation.sources == limited.validation.sources


def test_progress_ends_with_every_sample_read_and_can_stop_the_reading(make_study: MakeStudy, tables: Path) -> None:
    reports: list[tuple[str, int, int]] = []
    load_data(make_study(**CSV), lambda stage, done, total, note="": reports.append((stage, done, total)))
    assert reports == [("data", 20, 34), ("data", 28, 34), ("data", 34, 34)]

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        load_data(make_study(**CSV), stop)


def test_the_study_s_transform_comes_with_the_data(make_study: MakeStudy, tables: Path) -> None:
    data = load_data(make_study(**CSV, transform={"mean": [1.0, 2.0], "std": [1.0, 1.0]}))
    assert data.transform.prepare(data.train.inputs[:1]).tolist() == [[-1, -2]]


def test_a_transform_of_another_width_is_refused(make_study: MakeStudy, tables: Path) -> None:
    with pytest.raises(RefusedInput, match=r"mean and std have 3 values, the inputs 2 column"):
        load_data(make_study(**CSV, transform={"mean": [0, 0, 0], "std": [1, 1, 1]}))


@pytest.mark.parametrize(
    ("change", "classes", "message"),
    [
        ("train.csv", ["cat"] * 4, "train.csv has one class only, 'cat'"),
        ("train.csv", [], "train.csv has no samples"),
        ("validation.csv", ["cat"] * 4, r"no validation sample is of the class dog \(validation.csv\)"),
        ("validation.csv", [], "no validation sample is of the class cat, dog"),
        ("validation.csv", ["cat", "dog", "fox"], "validation.csv: row 2 has the label 'fox'"),
        ("test.csv", ["fox"], "test.csv: row 0 has the label 'fox'"),
        ("test.csv", [], "test.csv has no samples"),
    ],
)
def test_splits_that_lack_a_class_are_refused(
    make_study: MakeStudy, tables: Path, change: str, classes: list[str], message: str
) -> None:
    write_table(tables / change, classes)
    with pytest.raises(RefusedInput, match=message):
        load_data(make_study(**CSV))


def test_a_named_class_without_training_samples_is_refused(make_study: MakeStudy, tables: Path) -> None:
    with pytest.raises(RefusedInput, match="no train sample is of the class fox"):
        load_data(make_study(**CSV, class_names=["cat", "dog", "fox"]))


def test_a_class_too_small_for_a_fraction_is_refused(make_study: MakeStudy, tmp_path: Path) -> None:
    write_table(tmp_path / "train.csv", ["cat", "cat", "dog"])
    with pytest.raises(RefusedInput, match=r"no validation sample is of the class dog \(a fraction of 0.5"):
        load_data(make_study(format="csv", train="train.csv", validation=0.5))


def test_a_missing_file_is_refused(make_study: MakeStudy, tables: Path) -> None:
    (tables / "test.csv").unlink()
    with pytest.raises(RefusedInput, match=r"\[data\] test is 'test.csv', which does not exist"):
        load_data(make_study(**CSV))


@pytest.mark.parametrize("header", ["b,a,label", "a,c,label", "a,label"])
def test_other_columns_in_another_split_are_refused(make_study: MakeStudy, tables: Path, header: str) -> None:
    values = "1,2,cat" if header.count(",") == 2 else "1,cat"
    (tables / "validation.csv").write_text(f"{header}\n{values}\n")
    with pytest.raises(RefusedInput, match=r"validation.csv has the input columns .*in their order, a, b"):
        load_data(make_study(**CSV))


@pytest.mark.parametrize("names", [{"input": ["a", "label"]}, {"input": "a", "label": "a"}])
def test_a_label_among_the_inputs_is_refused(make_study: MakeStudy, tables: Path, names: dict[str, Any]) -> None:
    with pytest.raises(RefusedInput, match="inputs that do not hold the label"):
        load_data(make_study(**CSV, **names))


def test_a_table_of_labels_only_is_refused(make_study: MakeStudy, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("label\ncat\ndog\n")
    with pytest.raises(RefusedInput, match=r"inputs of train\.csv are no column at all"):
        load_data(make_study(format="csv", train="train.csv", validation=0.5))


def test_samples_in_both_train_and_validation_are_accepted_with_a_notice(make_study: MakeStudy, tables: Path) -> None:
    write_table(tables / "validation.csv", ["cat", "dog"] * 2, start=18)
    (notice,) = load_data(make_study(**CSV)).notices
    assert notice.startswith("2 of 4 validation samples are also training samples")


def save_pictures(path: Path, count: int, size: int, channels: int) -> None:
    shape = (count, size, size, channels)
    pictures = np.random.default_rng(count).integers(0, 256, shape).astype(np.uint8)
    np.savez(path, x=pictures, label=np.arange(count) % 2)


NPZ = {"format": "npz", "train": "train.npz", "validation": "validation.npz"}


def test_grey_pictures_beside_colour_ones_get_their_channels(make_study: MakeStudy, tmp_path: Path) -> None:
    save_pictures(tmp_path / "train.npz", 6, 4, 3)
    save_pictures(tmp_path / "validation.npz", 4, 4, 1)
    data = load_data(make_study(**NPZ))
    assert data.validation.inputs.shape == (4, 3, 4, 4)
    assert torch.equal(data.validation.inputs[:, 0], data.validation.inputs[:, 2])
    assert data.class_names == ("0", "1")


def test_splits_of_different_picture_sizes_are_refused(make_study: MakeStudy, tmp_path: Path) -> None:
    save_pictures(tmp_path / "train.npz", 6, 4, 3)
    save_pictures(tmp_path / "validation.npz", 4, 5, 3)
    with pytest.raises(RefusedInput, match=r"validation inputs have the shape \(3, 5, 5\) and training inputs"):
        load_data(make_study(**NPZ))


def test_only_the_rows_that_are_kept_are_decoded(
    make_study: MakeStudy, tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    # Which rows a seed keeps is asked of sound pictures first; all the others are then broken.
    options: dict[str, Any] = {"format": "parquet", "train": "t.parquet", "validation": 0.5, "limit": {"train": 1}}
    labels, pictures = [0, 1] * 5, [picture(row) for row in range(10)]
    pq.write_table(pa.table({"img": pictures, "label": labels}), tmp_path / "t.parquet")
    data = load_data(make_study(**options))
    kept = {int(source.split("#")[1]) for split in (data.train, data.validation) for source in split.sources}
    assert len(kept) == 6
    broken = [content if row in kept else b"broken" for row, content in enumerate(pictures)]
    pq.write_table(pa.table({"img": broken, "label": labels}), tmp_path / "t.parquet")
    assert same(load_data(make_study(**options)), data)


def test_a_folder_of_pictures_is_read_whole(
    make_study: MakeStudy, tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    for split in ("train", "validation"):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            for number, size in enumerate((8, 12)):
                value = 100 * (split == "train") + 10 * number + (name == "dog")
                (tmp_path / split / name / f"{number}.png").write_bytes(picture(value, size))
    study = make_study(format="image_folder", train="train", validation="validation", transform={"resize": 8})
    data = load_data(study)
    assert data.class_names == ("cat", "dog")
    assert data.train.sources == ("cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png")
    assert data.train.inputs[:, 0, 0, 0].tolist() == [100, 110, 101, 111]
    assert data.train.inputs.shape == (4, 3, 8, 8)
    assert data.train.sizes is not None
    assert data.train.sizes.tolist() == [[8, 8], [12, 12], [8, 8], [12, 12]]
    chosen = data.train.take([1, 0]).sizes
    assert chosen is not None
    assert chosen.tolist() == [[12, 12], [8, 8]]


@pytest.mark.needs_data
def test_cifar10_is_read_with_its_class_names_and_limits(make_study: MakeStudy, external_data: Path) -> None:
    folder = external_data / "cifar10"
    data = load_data(
        make_study(
            format="parquet",
            train=str(folder / "train.parquet"),
            validation=0.2,
            test=str(folder / "test.parquet"),
            input="img",
            limit={"train": 200, "validation": 100, "test": 100},
        )
    )
    assert data.class_names[:3] == ("airplane", "automobile", "bird")
    assert data.test is not None
    assert [tuple(split.inputs.shape) for split in (data.train, data.validation, data.test)] == [
        (2000, 3, 32, 32),
        (1000, 3, 32, 32),
        (1000, 3, 32, 32),
    ]
    assert data.train.labels.bincount().tolist() == [200] * 10
    assert data.validation.labels.bincount().tolist() == [100] * 10
    assert not set(data.train.sources) & set(data.validation.sources)
    assert data.transform.prepare(data.train.inputs).mean().item() == pytest.approx(0.473, abs=0.01)
    assert data.notices == ()


def test_an_excerpt_holds_few_samples_and_the_counts_of_all(make_study: MakeStudy, tables: Path) -> None:
    study = make_study(**CSV)
    whole = load_data(study)

    excerpt = load_excerpt(study, {"train": 3, "validation": 1000})

    assert (len(excerpt.data.train), len(excerpt.data.validation), excerpt.data.test) == (
        3,
        len(whole.validation),
        None,
    )
    counts = {split: counts.tolist() for split, counts in excerpt.counts.items()}
    assert counts == {"train": [10, 10], "validation": [4, 4], "test": [6, 0]}
    assert excerpt.data.input_names == ("a", "b")
    assert excerpt.data.class_names == whole.class_names
    # Each is the sample of the whole that its source names, with its label.
    train = excerpt.data.train
    for source, label, inputs in zip(train.sources, train.labels, train.inputs, strict=True):
        place = whole.train.sources.index(source)
        assert label == whole.train.labels[place]
        assert torch.equal(inputs, whole.train.inputs[place])
    assert load_excerpt(study, {"train": 3, "validation": 1000}).data.train.sources == excerpt.data.train.sources
