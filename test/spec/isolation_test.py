"""Nobody waits for somebody else's flood; engines that are killed again and
again; budgets under all of that.  Through the real program and weir-engine,
short: test/prove/{isolation,chaos,budget} do the same for minutes."""

import pathlib
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tool" / "live"))

import budget  # noqa: E402
import chaos  # noqa: E402
import isolation  # noqa: E402


def test_a_flood_does_not_delay_others():
    isolation.check_flood(isolation.flood_weir(6, (0, 50)))


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here")
def test_first_come_would_not_pass():
    """At limits as high as the engine can work the line in it is long."""
    with pytest.raises(AssertionError):
        isolation.check_flood(isolation.flood_nginx(6, 16, 100, (50,)))


def test_chats_go_before_embeddings():
    isolation.check_embeddings(isolation.embeddings_weir(600, 5))


def test_an_engine_that_is_killed_loses_nothing():
    chaos.check(*chaos.run(12, 7, 2))


def test_budgets_are_exact_under_hang_ups_and_deaths():
    requests = 1500
    budget.check_account(*budget.account(requests), requests)


def test_nobody_takes_more_than_is_his():
    budget.check_overshoot(10000)
