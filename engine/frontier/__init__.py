"""Where the classifier stands: regions, ranked samples, spectrum, folds and the verdict on its ceiling."""

from engine.frontier.ceiling import (
    Ceiling,
    Gain,
    Judgement,
    Minimum,
    ceiling_verdict,
    judge_together,
)
from engine.frontier.certificate import Certificate, WeightRange, certificate
from engine.frontier.evidence import ClassEvidence, ClassHeadroom, costly_classes
from engine.frontier.folds import FoldedInfluence, leave_out, pool_folds
from engine.frontier.headroom import Headroom, headroom
from engine.frontier.ranking import rank_samples
from engine.frontier.regions import REGIONS, correlation, pair_regions, region_of, region_shares, subset_regions
from engine.frontier.spectrum import PAPER_LIMIT, Spectrum, spectrum

__all__ = [
    "PAPER_LIMIT",
    "REGIONS",
    "Ceiling",
    "Certificate",
    "ClassEvidence",
    "ClassHeadroom",
    "FoldedInfluence",
    "Gain",
    "Headroom",
    "Judgement",
    "Minimum",
    "Spectrum",
    "WeightRange",
    "ceiling_verdict",
    "certificate",
    "correlation",
    "costly_classes",
    "headroom",
    "judge_together",
    "leave_out",
    "pair_regions",
    "pool_folds",
    "rank_samples",
    "region_of",
    "region_shares",
    "spectrum",
    "subset_regions",
]
