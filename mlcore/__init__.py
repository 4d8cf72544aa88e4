"""The exact engine: from one person's interactions to adapters that can be proved not to know them.

Pure functions over plain data. Nothing here knows Django, reads a clock, or looks anything up in
a set's or a hash table's order. Importing the package fixes the arithmetic libraries' flags,
which they read once, before torch is loaded; it does not load torch.
"""

from mlcore import determinism as determinism
