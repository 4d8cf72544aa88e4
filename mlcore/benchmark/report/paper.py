"""What the paper printed: arXiv 2404.10327v1, its main table of AUC."""

from typing import Final

# System to AUC, by our names.
PRINTED: Final = {
    "movielens": {
        "retrain": 0.7428,
        "sisa": 0.7035,
        "grapheraser": 0.6903,
        "receraser": 0.6937,
        "apa_d": 0.7259,
        "apa_nd": 0.7256,
    },
    "bookcrossing": {
        "retrain": 0.6738,
        "sisa": 0.6728,
        "grapheraser": 0.6684,
        "receraser": 0.6732,
        "apa_d": 0.6829,
        "apa_nd": 0.6846,
    },
}
TITLES: Final = {"movielens": "MovieLens-100K", "bookcrossing": "BookCrossing"}
