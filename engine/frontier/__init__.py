"""Where the classifier stands: regions, ranked samples, spectrum, folds and the verdict on its ceiling."""

from engine.frontier.ceiling import Ceiling, Gain, Minimum, ceiling_verdict
from engine.frontier.folds import leave_out, pool_folds
from engine.frontier.ranking import rank_samples
from engine.frontier.regions import REGIONS, correlation, pair_regions, region_of, region_shares, subset_regions
from engine.frontier.spectrum import PAPER_LIMIT, Spectrum, spectrum

__all__ = [
    "PAPER_LIMIT",
    "REGIONS",
    "Ceiling",
    "Gain",
    "Minimum",
    "Spectrum",
    "ceiling_verdict",
    "correlation",
    "leave_out",
    "pair_regions",
    "pool_folds",
    "rank_samples",
    "region_of",
    "region_shares",
    "spectrum",
    "subset_regions",
]
