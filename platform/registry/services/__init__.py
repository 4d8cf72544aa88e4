"""What the registry can do, one file a noun; every public function is a verb.

Nothing here knows of HTTP or the queue, touches a tensor, or reads the clock.
"""
