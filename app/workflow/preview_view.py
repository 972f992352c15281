"""What a preview found, as a page shows it."""

from typing import Any

import pandas as pd


def class_counts(result: dict[str, Any]) -> pd.DataFrame:
    """Returns one row a class with its samples by split, the sum of all below."""
    frame = pd.DataFrame({"class": result["class_names"], **result["counts"]})
    total = {"class": "all classes", **{split: sum(values) for split, values in result["counts"].items()}}
    return pd.concat([frame, pd.DataFrame([total])], ignore_index=True)


def sample_table(result: dict[str, Any]) -> pd.DataFrame:
    """Returns the shown rows of a table: the label, the text or the first values, and where each came from."""
    samples = result["samples"]
    if samples and "text" in samples[0]:
        keys = {"label": "given label", "text": "text", "length": "length", "source": "from"}
        return pd.DataFrame([{word: sample[key] for key, word in keys.items()} for sample in samples])
    values = pd.DataFrame([sample["values"] for sample in samples], columns=result["columns"])
    values.insert(0, _free("given label", values), [sample["label"] for sample in samples])
    values[_free("from", values)] = [sample["source"] for sample in samples]
    return values


def _free(name: str, frame: pd.DataFrame) -> str:
    """Returns a name for a column of ours: the file may have one that is called so itself."""
    while name in frame.columns:
        name += " (file)" if name == "from" else " (ours)"
    return name


def model_sentence(result: dict[str, Any]) -> str:
    """Says how the checkpoint does on the samples that it was tried on; empty where there is none."""
    model = result["model"]
    if model is None:
        return (
            "" if result["model_problem"] else "There is no checkpoint yet: the model can be trained once it is made."
        )
    chance = 1 / len(result["class_names"])
    hint = ""
    if model["accuracy"] < 1.5 * chance:
        hint = " That is near guessing: check mean and std, the order of the classes, and the checkpoint."
    notices = "".join(f" {notice}." for notice in model["notices"])
    return (
        f"The checkpoint of epoch {model['epoch']} classifies {model['accuracy']:.1%} of {model['samples']:,}"
        f" validation samples rightly.{hint}{notices}"
    )
