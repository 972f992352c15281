"""A package by name, because kronfluence installs one called tests too, which would be found instead."""
