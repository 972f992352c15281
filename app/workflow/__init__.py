"""Use-cases: plain functions over engine and cache, called by pages and command line alike.

``commands`` lists those that do long work; ``catalogue``, ``ceiling_view`` and ``improve_view``
answer pages and load no torch, so that pages open at once.
"""
