"""No spelling of a path or of a name reaches what is closed.

test/prove/mutants has a hundred thousand; here are some of each.
"""

import pytest

from harness import mutation


@pytest.mark.parametrize("seed", [1, 2])
def test_no_path_reaches_a_closed_route(start_weir, start_engine, seed):
    run = mutation.Run(start_weir, start_engine)
    assert run.paths(seed, 1000) == []
    assert run.answered > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_no_name_reaches_a_closed_model(start_weir, start_engine, seed):
    run = mutation.Run(start_weir, start_engine)
    assert run.names(seed, 1000) == []
    assert run.served > 0, "some must be let through"
