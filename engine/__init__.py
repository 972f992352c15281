"""Pure computation on tensors and arrays: from a study file to influence, frontier and weights."""
