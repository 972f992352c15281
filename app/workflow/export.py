"""The use-case behind ``export``: what is stored of a study as files that other tools read.

It reads run folders alone, so it may run beside a dashboard, and computes nothing that takes long.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.report import Findings, findings_of, report_page
from app.report.findings import pooled_parts
from app.workflow.candidate_parts import WEIGHTS
from app.workflow.class_columns import class_columns
from app.workflow.command_text import file_name
from cache.run_folder import RunFolder
from cache.store import Store
from engine.errors import RefusedInput
from engine.study import Study
from engine.whole_files import whole_file, write_whole

VECTORS, REPORT = "vectors.parquet", "report.html"


def export_study(
    path: Path, study: Study, store: Store, out: Path | None, asked: Mapping[str, Any], overwrite: bool = False
) -> dict[str, Any]:
    """Writes the vectors, the weights of every finished reweighting, and the report of a study.

    ``vectors.parquet`` has a row a training sample: index, source, label, what the model says and how sure it is, then
    for every class ``ceiling_CLASS``, the influence that the verdict rests on, and ``epoch_CLASS``, what the next
    epoch is predicted by. Where two classes have one name, their index follows it. ``weights-SETTING-RUN.parquet`` has
    index, label and weight.

    Args:
        path: of the study file, or its folder.
        study: as the file says.
        store: where runs are kept.
        out: folder to write to; by default ``NAME-export`` in the working directory.
        asked: ``epoch`` and ``seed`` in place of the study's.
        overwrite: whether files that are there may be replaced.

    Returns:
        The object that ``export --json`` prints: ``files``, their sizes in ``bytes``, and ``weights``, what each file
        of weights is of.

    Raises:
        RefusedInput: if there is no verdict on the study, a file is there already or cannot be written, or a run is
            damaged.
    """
    findings = findings_of(path.resolve(), study, store, asked)
    folder = Path(f"{file_name(study.name)}-export") if out is None else out
    folder = folder.resolve()
    weights = {_weights_name(run): run for run in findings.reweightings if WEIGHTS in run.parts}
    files = [folder / name for name in (VECTORS, *weights, REPORT)]
    _refuse_present(folder, files, overwrite)
    # Made before anything is written: what is damaged is refused as a whole.
    page = report_page(findings).encode()
    try:
        _write_vectors(findings, folder / VECTORS)
        for name, run in weights.items():
            write_whole(folder / name, (run.path / WEIGHTS).read_bytes())
        write_whole(folder / REPORT, page)
    except OSError as error:
        raise RefusedInput(
            f"the export cannot be written to {folder}: {error.strerror}",
            "a folder that has room and may be written",
            "Give another one with --out",
        ) from error
    return {
        "files": [str(file) for file in files],
        "bytes": [file.stat().st_size for file in files],
        "weights": [
            {"file": str(folder / name), "run": run.key, "kind": _setting(run), "targets": _targets(findings, run)}
            for name, run in weights.items()
        ],
    }


def _refuse_present(folder: Path, files: Sequence[Path], overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise RefusedInput(f"{folder} is a file", "a folder, or a name that is free", "Give another one with --out")
    present = [file.name for file in files if file.exists()]
    if present and not overwrite:
        raise RefusedInput(
            f"{folder} already has {', '.join(present)}",
            "a folder without files of these names",
            "Give another one with --out, or --overwrite to replace them",
        )


def _write_vectors(findings: Findings, file: Path) -> None:
    """Writes the vectors part by part: all of them need not fit into memory."""
    names = findings.names
    samples = findings.samples()
    endings = class_columns(names)
    writer: pq.ParquetWriter | None = None
    with whole_file(file) as temporary:
        try:
            for index, ceiling, epoch in pooled_parts(findings.influence):
                described = samples.take(index)
                columns = {
                    "index": pa.array(index, pa.int32()),
                    "source": described["source"],
                    "label": pa.array([names[k] for k in described["label"].to_pylist()], pa.string()),
                    "predicted": pa.array([names[k] for k in described["predicted"].to_pylist()], pa.string()),
                    "confidence": described["confidence"],
                    **_by_class("ceiling", endings, ceiling),
                    **_by_class("epoch", endings, epoch),
                }
                table = pa.table(columns)
                writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()


def _by_class(operator: str, endings: Sequence[str], vectors: NDArray[np.float32]) -> dict[str, pa.Array]:
    return {f"{operator}_{ending}": pa.array(np.ascontiguousarray(vectors[:, k])) for k, ending in enumerate(endings)}


def _weights_name(run: RunFolder) -> str:
    return f"weights-{_setting(run)}-{run.key}.parquet"


def _setting(run: RunFolder) -> str:
    manifest = run.manifest()
    return "climb" if manifest["kind"] == "climb" else manifest.get("setting", "direct_improvement")


def _targets(findings: Findings, run: RunFolder) -> list[str]:
    manifest = run.manifest()
    return [findings.names[k] for k in manifest.get("targets", range(len(findings.names)))]
