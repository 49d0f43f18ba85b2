"""Conversations with the real program: what specs are written with.

    weir.py     the program under test, its log, metrics and processes
    engine.py   an engine whose every byte a spec decides
    caller.py   a raw connection that believes nothing it reads
    wire.py     HTTP/1.1 bytes, strictly
    real.py     real engines, where they can be had

Nothing here sleeps to wait: each wait ends with the event it waits for, or
fails after PATIENCE seconds.
"""

import os

PATIENCE = float(os.environ.get("WEIR_PATIENCE", "20"))
"""Seconds after which a spec that waits has failed."""
