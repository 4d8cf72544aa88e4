"""The benchmark: our engine and its rivals on the same samples, measured and reported.

``python -m mlcore.benchmark --help`` says how to run it. Every figure of ``docs/benchmark`` is
written by it.
"""
