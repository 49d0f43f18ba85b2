"""Promises that are not kept yet: each has a spec that must fail until then.

A spec that begins to pass is reported as a failure, so that its mark goes.
"""

import pytest


def gap(what):
    """Mark a spec of a promise that weir does not keep yet."""
    return pytest.mark.xfail(
        strict=True, reason="not yet: %s (it passes now? drop the mark)" % what
    )
