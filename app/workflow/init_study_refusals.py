"""What is said where nothing in a folder can be read as data: what is there instead, and what makes data of it."""

import re
from pathlib import Path

from app.workflow.init_study_columns import Column
from app.workflow.init_study_files import entries_of
from engine.errors import RefusedInput

_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_CONVERSIONS = {
    ".jsonl": "pandas.read_json('{0}', lines=True).to_parquet('train.parquet')",
    ".json": "pandas.read_json('{0}').to_parquet('train.parquet')",
    ".xlsx": "pandas.read_excel('{0}').to_parquet('train.parquet')",
    ".feather": "pandas.read_feather('{0}').to_parquet('train.parquet')",
    ".arrow": "datasets.load_from_disk(...).to_parquet('train.parquet'), or with pyarrow.ipc.open_stream",
    ".npy": "numpy.savez('train.npz', x=numpy.load('{0}'), label=labels)",
    ".gz": "gunzip, or tar -xzf for an archive",
    ".zip": "unzip",
}
"""By ending what makes a file that is read of one that is not."""


def no_data(root: Path) -> RefusedInput:
    """Returns the refusal of a folder without files that may be data."""
    return RefusedInput(
        f"there are no data in {root}: {_what_is_there(root)}",
        "train.csv, .parquet or .npz, a folder train with one folder of pictures a class, or a data set of torchvision",
        _remedy(root),
    )


def no_numbers(train: Path, label: Column, pictures: Column | None, others: list[Column]) -> RefusedInput:
    """Returns the refusal of a table without a column of numbers.

    Args:
        train: the file.
        label: its column of classes.
        pictures: a column of names of pictures, if there is one.
        others: all columns but the label.
    """
    shown = ", ".join(ascii(one.name) for one in others[:5])
    problem, remedy = f"{train.name} has no column of numbers beside its label {label.name!a}", "Add the inputs"
    if pictures is not None:
        problem = f"{train.name} only names pictures, in {pictures.name!a}, for instance {pictures.example!a}"
        remedy = "Sort the pictures into one folder a class below a folder train, or write them into a Parquet file"
    elif any(_DECIMAL_COMMA.fullmatch(one.example) for one in others):
        problem += f": those of {shown} have a decimal comma"
        remedy = (
            f"Write them with points: pandas.read_csv({train.name!a}, sep=';', decimal=',').to_csv(..., index=False)"
        )
    elif others:
        problem += f", and none of {shown} holds one number a row"
        remedy = "Turn the inputs into numbers, a column for each"
    return RefusedInput(problem, "numeric input columns", remedy)


def _remedy(root: Path) -> str:
    for path in entries_of(root, root).files:
        if (conversion := _CONVERSIONS.get(path.suffix.lower())) is not None:
            return f"Convert {path.name!a}: {conversion.format(path.name)}"
    return "Put the data there under such a name, or write the study file by hand"


def _what_is_there(root: Path) -> str:
    entries = entries_of(root, root)
    names = [path.name for path in (*entries.files, *entries.folders)]
    if not names:
        return "it is empty"
    shown = ", ".join(map(ascii, names[:8]))
    return f"it holds {shown}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")
