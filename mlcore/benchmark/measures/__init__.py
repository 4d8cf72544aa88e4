"""What is measured on the engine, one module each: ``measure(setting, progress)`` to JSON.

``KEYS`` are the keys of a measure's own table of the configuration, besides its K and S.
"""
