"""Fair order: the real queue beside a slow, independent reference, and what it
promises as measured on a simulated engine.  test/prove/fairness does the same
over ten thousand seeds."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tool" / "fair"))

import properties  # noqa: E402
from workload import FIRST_COME, ROUND_ROBIN  # noqa: E402


@pytest.fixture
def tool():
    build = os.environ.get("WEIR_BUILD", ROOT / "build" / "dev")
    return pathlib.Path(build) / "tool" / "weir-fair"


@pytest.mark.parametrize(
    "check, seeds",
    [
        (properties.same_order, 300),
        (properties.gap, 60),
        (properties.shares, 12),
        (properties.weights, 10),
        (properties.light, 200),
        (properties.swaps, 100),
    ],
)
def test_what_is_promised_holds(tool, check, seeds):
    check(tool, range(seeds))


@pytest.mark.parametrize(
    "check, policy",
    [
        (properties.gap, FIRST_COME),
        (properties.gap, ROUND_ROBIN),
        (properties.shares, ROUND_ROBIN),
        (properties.weights, ROUND_ROBIN),
        (properties.light, FIRST_COME),
    ],
)
def test_no_other_order_would_pass(tool, check, policy):
    with pytest.raises(properties.Broken):
        check(tool, range(10), policy)
