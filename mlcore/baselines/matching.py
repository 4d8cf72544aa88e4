"""Which new shard is which old one: the matching that leaves the most where it was."""

import math
from collections.abc import Sequence


def best_matching(gain: Sequence[Sequence[int]]) -> list[int]:
    """The column of each row, all different, with the largest sum of ``gain``.

    Kuhn's Hungarian method (1955) with potentials, O(n^3); rows are added one at a time, each by
    a shortest augmenting path.

    Args:
        gain: n rows of n numbers.
    """
    n = len(gain)
    of_row, of_column = [0.0] * n, [0.0] * (n + 1)  # the potentials
    row_at = [-1] * (n + 1)  # the row that a column is matched with; column n starts the path
    for row in range(n):
        row_at[n] = row
        shortest, before = [math.inf] * n, [n] * n
        is_done = [False] * (n + 1)
        column = n
        while row_at[column] >= 0:
            is_done[column] = True
            at = row_at[column]
            for other in range(n):
                if is_done[other]:
                    continue
                slack = -gain[at][other] - of_row[at] - of_column[other]
                if slack < shortest[other]:
                    shortest[other], before[other] = slack, column
            following = min(
                (other for other in range(n) if not is_done[other]), key=shortest.__getitem__
            )
            step = shortest[following]
            for other in range(n + 1):
                if is_done[other]:
                    of_row[row_at[other]] += step
                    of_column[other] -= step
                elif other < n:
                    shortest[other] -= step
            column = following
        while column != n:
            row_at[column] = row_at[before[column]]
            column = before[column]
    matched = [0] * n
    for column in range(n):
        matched[row_at[column]] = column
    return matched
