"""A membership audit: can anyone tell from the model who was erased?

Every attack is made on the model before an erasure, after it, and on a twin that never saw the
erased. After must answer as the twin does, bit for bit; before shows that the attack can see.
"""

from mlcore.audit.running import run as run
