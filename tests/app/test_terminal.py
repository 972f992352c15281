import pytest

from app.terminal import describe, refuse, terminal_progress


def training(**changes) -> dict:
    last = {"validation": [0.5, 1.0], "test": [0.25, None]}
    return {
        "class_names": ["cat", "dog"],
        "per_class_accuracy": [{"validation": [0.0, 0.0], "test": None}, last],
        "checkpoints": "/somewhere",
        **changes,
    }


def influence(**changes) -> dict:
    return {
        "run": "abc",
        "samples": 12345,
        "classes": 10,
        "strategy": "ekfac",
        "tracked_parameters": 0.5,
        "cached": False,
        "seconds": {"factors": 1.25, "scores": 2.5},
        "refused_modules": {},
        **changes,
    }


def ceiling(**changes) -> dict:
    return {
        "sentence": "Room to improve.",
        "class_names": ["cat", "dog"],
        "classes": ["cat", "dog"],
        "evidence": ["Pushing dog costs cat (-1.0%).", "cat has no headroom.", "Third.", "Fourth."],
        "gain": {"held_out": [1.234, -0.5], "interval": [[1.0, 2.0], [-1.0, 0.25]]},
        "spectrum": {"first_ratio": 0.3, "paper_says_room": True},
        **changes,
    }


def reweighting(**changes) -> dict:
    accuracy = {"validation": [0.5, 0.75], "test": [0.125, 0.25]}
    return {
        "class_names": ["cat", "dog"],
        **dict.fromkeys(("before", "control", "after"), accuracy),
        "sentence": "Nothing happened.",
        "trainings": 7,
        "weights": "/store/weights.parquet",
        "checkpoint": "/store/improved.safetensors",
        **changes,
    }


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")]


def rows(text: str) -> dict[str, list[str]]:
    return {first: rest for first, *rest in map(cells, text.splitlines()) if rest}


def test_the_last_epoch_of_a_training_is_told_by_class(capsys):
    describe("train", training())

    out = capsys.readouterr().out
    assert rows(out) == {"class": ["validation", "test"], "cat": ["50.0%", "25.0%"], "dog": ["100.0%", "-"]}
    assert "2 checkpoints in /somewhere" in out


def test_a_split_that_is_not_there_has_no_column(capsys):
    describe("train", training(per_class_accuracy=[{"validation": [0.5, 1.0], "test": None}]))

    assert rows(capsys.readouterr().out)["class"] == ["validation"]


def test_influence_is_told_with_its_time_or_as_stored(capsys):
    describe("influence", influence())
    assert "12,345 samples on 10 classes (ekfac, 50% of the parameters), 3.8 s." in joined(capsys)
    describe("influence", influence(cached=True, refused_modules={"norm": "no weights"}))
    out = joined(capsys)
    assert "from the store." in out
    assert "Not tracked: norm: no weights" in out


def joined(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without the breaks of a narrow terminal."""
    return " ".join(capsys.readouterr().out.split())


def test_the_verdict_is_told_with_the_gain_of_each_class(capsys):
    describe("ceiling", ceiling())

    out = capsys.readouterr().out
    assert out.startswith("Room to improve.")
    assert rows(out)["cat"] == ["+1.23", "+1.00 to +2.00"]
    assert rows(out)["dog"] == ["-0.50", "-1.00 to +0.25"]
    assert "explains 30% (over 20% reads 'room to improve')" in " ".join(out.split())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "% of its loss"),
        ({"measurement": "margin"}, "% of its mean margin"),
        ({"measurement": "soft_accuracy"}, "% of its soft error"),
    ],
)
def test_gains_are_told_in_per_cent_of_what_the_classes_are_judged_by(capsys, changes, told):
    describe("ceiling", ceiling(**changes))

    assert rows(capsys.readouterr().out)["class"][0] == f"held-out gain, {told}"


def test_the_first_sentences_of_evidence_stand_under_the_verdict(capsys):
    describe("ceiling", ceiling())
    told = capsys.readouterr().out.splitlines()
    assert told[1:4] == ["- Pushing dog costs cat (-1.0%).", "- cat has no headroom.", "- Third."]
    assert "Fourth" not in "".join(told)


def test_where_some_classes_are_judged_the_table_says_which(capsys):
    describe("ceiling", ceiling(classes=["dog"]))
    told = rows(capsys.readouterr().out)
    assert told["class"][-1] == "judged"
    assert [told[name][-1] for name in ("cat", "dog")] == ["no", "yes"]


def test_gains_and_intervals_that_are_not_known_are_dashes(capsys):
    describe("ceiling", ceiling(gain={"held_out": [None, 0.5], "interval": [[None, None], [None, None]]}))

    assert rows(capsys.readouterr().out) | {"class": []} == {"class": [], "cat": ["-", "-"], "dog": ["+0.50", "-"]}


def test_a_reweighting_is_told_on_the_test_split_where_there_is_one(capsys):
    describe("reweight", reweighting())

    out = capsys.readouterr().out
    assert rows(out)["cat"] == ["12.5%"] * 3
    assert "accuracy on test" in out
    searched = {"validation": [0.5, 0.75]}
    describe("reweight", reweighting(before=searched, control=searched, after=searched))
    out = capsys.readouterr().out
    assert rows(out)["dog"] == ["75.0%"] * 3
    assert "accuracy on validation" in out


def test_a_long_path_is_told_in_one_line(capsys):
    path = "/store/" + "deep/" * 60 + "improved.safetensors"
    describe("reweight", reweighting(weights=path, checkpoint=path))
    describe("train", training(checkpoints=path))

    lines = capsys.readouterr().out.splitlines()
    assert f"7 epochs trained. Weights: {path}" in lines
    assert f"Checkpoint: {path}" in lines
    assert f"2 checkpoints in {path}" in lines


def test_names_are_told_letter_by_letter(capsys):
    names = ["[red]cat", "[/b] :x:"]
    describe("train", training(class_names=names))
    describe(
        "samples",
        {
            "class_names": names,
            "classes": [1],
            "samples": [{"index": 7, "label": "[/i]", "source": "a[/b].png", "influence": [0.25]}],
        },
    )

    out = capsys.readouterr().out
    assert set(names) <= rows(out).keys()
    assert rows(out)["index"] == ["label", "source", "[/b] :x:", "sum of these"]
    assert rows(out)["7"] == ["[/i]", "a[/b].png", "+0.25", "+0.25"]


@pytest.mark.parametrize(("count", "columns"), [(4, 8), (5, 4)])
def test_a_sample_of_many_classes_is_told_by_the_sum_of_its_influence(capsys, count, columns):
    names = [f"c{k}" for k in range(count)]
    sample = {"index": 7, "label": "c1", "source": "a.png", "influence": [0.25, -1.0, *[0.0] * (count - 2)]}
    describe("samples", {"class_names": names, "classes": list(range(count)), "samples": [sample]})

    told = rows(capsys.readouterr().out)
    assert len(told["7"]) == columns - 1
    assert told["index"][-1] == ("sum of these" if count == 4 else "sum of 5 classes")
    assert told["7"][-1] == "-0.75"


def test_notices_come_first(capsys):
    describe("influence", influence(notices=["No momentum is stored."]))

    assert capsys.readouterr().out.startswith("Note: No momentum is stored.")


def test_refusals_and_progress_stay_off_standard_output(capsys):
    refuse("there is no file")
    with terminal_progress() as progress:
        progress("scores", 1, 2)
        progress("scores", 2, 2, "done")
        progress("search", 0, 10, "generation 0")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("there is no file\n")


def all_classes(**changes) -> dict:
    loss = {"validation": [9.0, 9.0], "test": [0.5, None]}
    return {
        **reweighting(),
        **{f"loss_{name}": loss for name in ("before", "control", "after")},
        "loss_change": {"test": [-0.25, None]},
        "loss_interval": {"test": [[-0.5, 0.125], [None, None]]},
        "setting": "all_classes",
        "step": 0.25,
        "seeds": 8,
        **changes,
    }


def test_all_classes_at_once_are_told_with_their_losses_and_the_step(capsys):
    describe("reweight", all_classes())

    out = capsys.readouterr().out
    assert rows(out)["cat"] == ["0.500", "0.500", "0.500", "-0.250 (-0.500 to +0.125)"]
    assert rows(out)["dog"] == ["-", "-", "-", "-"]
    assert "7 trainings from scratch chose step 0.25 towards the certificate's weights." in out
    assert "candidates" not in out


def test_all_classes_without_a_step_say_so(capsys):
    describe("reweight", all_classes(step=None))

    assert "7 trainings from scratch chose no step." in capsys.readouterr().out


def test_exported_files_are_told_with_their_sizes_each_in_one_line(capsys):
    long = "/store/" + "deep/" * 60 + "vectors.parquet"
    describe("export", {"files": [long, "/out/report.html"], "bytes": [340_400, 5_240_000], "weights": []})

    assert capsys.readouterr().out.splitlines() == [f"{long} (340 kB)", "/out/report.html (5.2 MB)"]
