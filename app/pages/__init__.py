"""One short file a page: widgets, one use-case, figures."""
