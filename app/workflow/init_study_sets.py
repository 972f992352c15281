"""Data sets of torchvision by the files that it keeps of each."""

from pathlib import Path

from app.workflow.init_study_findings import Findings
from engine.torchvision_sets import DEFAULTS, FORMAT, SETS, missing_files

_PLACES = (".", "data")


def torchvision_set(root: Path, findings: Findings) -> bool:
    """Tells ``[data]`` of a data set of torchvision, where all of its files are there.

    Args:
        root: the folder.
        findings: that are added to.

    Returns:
        Whether there is one.
    """
    found = [
        (name, place)
        for place in _PLACES
        for name in SETS
        if not missing_files(name, root / place) and _is_inside(name, root / place, root)
    ]
    if not found:
        return False
    name, place = found[0]
    findings.infer("data.format", FORMAT, f"the files of torchvision's {name} are there")
    findings.infer("data.dataset", name, f"by the names of its files{f' in {place}' if place != '.' else ''}")
    findings.infer("data.root", place, "the folder that torchvision is given as root")
    findings.infer(
        "data.validation", DEFAULTS["validation"], "the set has no validation split: a tenth of each class is set aside"
    )
    if len(found) > 1:
        others = ", ".join(sorted({other for other, _ in found[1:]}))
        findings.leave_open(
            "which data the model was trained on", f"{others} is there as well as {name}", "Check dataset"
        )
    return True


def _is_inside(name: str, place: Path, root: Path) -> bool:
    files = (file for split in ("train", "test") for file in SETS[name].files(place, split))
    return all(file.resolve().is_relative_to(root) for file in files)
