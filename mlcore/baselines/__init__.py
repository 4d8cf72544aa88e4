"""What our engine is compared with: the published method, its ablations and its rivals.

Written after their papers, on the same samples, steps and seeds as the engine. Nothing of the
engine imports it. Each says where it is not exact (``systems``).
"""
