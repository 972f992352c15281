"""Where data and models come from: news by TF-IDF, padding of a transformer, the time that pictures take to be read.

The rows of the README's table of formats are tried by the test that writes a file for each, run here as a test is.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.workflow.commands import COMMANDS
from benchmarks.cifar_study import REPOSITORY, external_data
from benchmarks.memory import watched_memory
from benchmarks.report import Figure, Report, say
from benchmarks.sources_text import padding_change
from cache.store import Store
from engine.data import load_data
from engine.progress import silent
from engine.study import load_study

_NEWS = """\
name = "ag_news"
[data]
format = "csv"
train = "{data}/ag_news/train.csv"
validation = "{data}/ag_news/validation.csv"
test = "{data}/ag_news/test.csv"
modality = "text"
[data.features]
kind = "tfidf"
[model]
architecture = "logistic_regression"
[training]
learning_rate = 0.05
weight_decay = 0.001
batch_size = 64
epochs = 20
schedule = "cosine"
"""
_PICTURES = """\
name = "cifar10"
[data]
format = "parquet"
train = "{data}/cifar10/train.parquet"
validation = 0.1
input = "img"
[model]
architecture = "cnn"
"""
_TABLE = REPOSITORY / "tests" / "engine" / "data" / "test_formats_table.py"


def measure(quick: bool) -> Report:
    """Measures every figure; a quick run reads a tenth of the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        say("AG News by TF-IDF")
        news, details = _news(Path(folder))
        say("padding of a transformer")
        change = padding_change(Path(folder) / "bert", texts=200 if quick else 1000)
        say("reading CIFAR-10")
        pictures = [] if quick else _pictures(Path(folder))
    say("the table of formats")
    rows, working = _formats()
    figures = [
        *news,
        Figure("padding_change", change, "of the largest |P|", "<= 1e-4"),
        *(pictures or [Figure("cifar_read_s", None, "s"), Figure("cifar_read_gb", None, "GB")]),
        Figure("format_rows", rows, "rows"),
        Figure("format_rows_working", working, "rows", f">= {rows}"),
    ]
    described = (
        "AG News, 7,600 texts as they are split; a BERT of 2 layers, random start; CIFAR-10, 50,000 JPEG pictures"
    )
    return Report(
        described + ("; a quick run: no pictures, fewer texts for BERT" if quick else ""), quick, figures, details
    )


def _news(root: Path) -> tuple[list[Figure], dict[str, Any]]:
    folder = root / "news"
    folder.mkdir()
    (folder / "study.toml").write_text(_NEWS.format(data=external_data()))
    study, store = load_study(folder), Store(folder / "store")
    trained = COMMANDS["train"](study, store, {}, silent)["per_class_accuracy"][-1]
    began = time.perf_counter()
    influence = COMMANDS["influence"](study, store, {}, silent)
    seconds = time.perf_counter() - began
    accuracy = {split: float(np.mean(trained[split])) for split in ("validation", "test")}
    return [
        Figure("ag_news_accuracy", accuracy["test"], "mean over classes, test", ">= 0.85", ">= 0.87"),
        Figure("ag_news_influence_s", seconds, "s", "<= 60", "<= 20"),
    ], {"samples": influence["samples"], "strategy": influence["strategy"], "accuracy": accuracy}


def _pictures(root: Path) -> list[Figure]:
    folder = root / "pictures"
    folder.mkdir()
    (folder / "study.toml").write_text(_PICTURES.format(data=external_data()))
    study = load_study(folder)
    with watched_memory() as memory:
        began = time.perf_counter()
        data = load_data(study)
        seconds = time.perf_counter() - began
    assert len(data.train) + len(data.validation) == 50_000
    return [
        Figure("cifar_read_s", seconds, "s", "<= 40", "<= 15"),
        Figure("cifar_read_gb", memory.gigabytes, "GB", "<= 2"),
    ]


def _formats() -> tuple[int, int]:
    """Returns how many rows the README's table has, and for how many the test passes that writes such a file."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest", str(_TABLE), "-q", "-p", "no:cacheprovider", "-k", "is_read", "-rA"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    ).stdout
    outcomes = re.findall(r"^(PASSED|FAILED|SKIPPED|ERROR)\b.*\[", told, re.MULTILINE)
    return len(outcomes), outcomes.count("PASSED")
