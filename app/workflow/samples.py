"""The use-case behind ``samples``: which training samples harm or help the chosen classes most."""

from typing import Any

from app.workflow.influence import fold_counts, fold_rows, influence_run
from app.workflow.run_texts import stored_texts
from cache.store import Store
from engine.classes import class_indices
from engine.errors import RefusedInput
from engine.frontier import pool_folds, rank_samples
from engine.progress import Progress, silent
from engine.study import Study

SIGNS = ("harmful", "helpful")


def rank_by_influence(
    study: Study, store: Store, options: dict[str, Any], progress: Progress = silent
) -> dict[str, Any]:
    """Ranks training samples by their influence on the chosen classes.

    Args:
        study: the study.
        store: where runs are kept.
        options: ``classes`` (names or indices; all by default), ``sign`` (``harmful`` or
            ``helpful``) and ``limit``.
        progress: called after every batch when influence has to be computed first.

    Returns:
        The object that ``samples --json`` prints; each sample with its influence on
        every chosen class, the most harmful (helpful) first, and where samples are texts with ``text``, its
        beginning, ``length``, ``unit`` (tokens or words) and ``most``, how many of them the model sees.

    Raises:
        RefusedInput: if an option or an input cannot be used.
    """
    sign, limit = options.get("sign", "harmful"), options.get("limit", 20)
    if sign not in SIGNS:
        raise RefusedInput(f"--sign is '{sign}'", " or ".join(SIGNS), "Choose one of them")
    if limit < 1:
        raise RefusedInput(f"--limit is {limit}", "a number of at least 1", "Ask for at least one sample")
    folder, _ = influence_run(study, store, progress)
    names = folder.manifest()["class_names"]
    classes = sorted(class_indices(options.get("classes") or names, names))
    vectors = pool_folds(fold_rows(folder, "ceiling"), fold_counts(folder))
    described = folder.read_table("samples.parquet").to_pydict()
    texts = stored_texts(folder)
    ranked = rank_samples(vectors, classes, harmful=sign == "harmful")[:limit]
    return {
        "run": folder.key,
        "sign": sign,
        "classes": classes,
        "class_names": names,
        "samples": [
            {
                "index": int(index),
                "source": described["source"][index],
                "label": names[described["label"][index]],
                "influence": vectors[index, classes].tolist(),
                **(texts[index] if texts else {}),
            }
            for index in ranked
        ],
    }
