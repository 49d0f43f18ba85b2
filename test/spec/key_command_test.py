"""`weir key add | list | revoke`: what an operator types and sees."""

import hashlib
import re
import stat
import subprocess

import pytest

from harness import PATIENCE
from harness.weir import binary

SHAPE = re.compile(r"weir_[0-9A-Za-z]{43}\n")


@pytest.fixture
def key(tmp_path):
    """Run `weir key ...` with a configuration of its own."""
    config = tmp_path / "weir.yaml"
    config.write_text(
        f"state: {tmp_path}/deep/state\n"
        "callers: [ { name: alice, key: 'sha256:" + 64 * "a" + "' } ]\n"
    )

    def run(*words, text=None):
        if text is not None:
            config.write_text(text)
        return subprocess.run(
            [binary(), "key", words[0], "-c", config, *words[1:]],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    run.file = tmp_path / "deep/state/keys"
    return run


def test_a_key_is_printed_once_and_only_its_hash_is_kept(key):
    made = key("add", "bob")
    assert made.returncode == 0
    assert SHAPE.fullmatch(made.stdout)
    assert "Authorization: Bearer" in made.stderr
    assert "not among `callers`" in made.stderr
    assert made.stdout.strip() not in made.stderr
    kept = key.file.read_text()
    digest = hashlib.sha256(made.stdout.strip().encode()).hexdigest()
    assert digest in kept
    assert made.stdout.strip() not in kept
    assert stat.S_IMODE(key.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.file.parent.stat().st_mode) == 0o700
    assert [p.name for p in key.file.parent.iterdir()] == ["keys"]


def test_what_limits_hold_is_told(key):
    assert "not among" not in key("add", "alice").stderr
    text = f"state: {key.file.parent}\ncallers: [ {{ name: default }} ]\n"
    told = key("add", "bob", text=text).stderr
    assert "limits of the caller `default`" in told


def test_list_and_revoke(key):
    assert "No keys" in key("list").stderr
    made = [key("add", name).stdout.strip() for name in ("a", "a", "b")]
    ids = [hashlib.sha256(m.encode()).hexdigest()[:8] for m in made]
    lines = key("list").stdout.splitlines()[1:]
    assert [line.split()[:2] for line in lines] == [
        ["a", ids[0]],
        ["a", ids[1]],
        ["b", ids[2]],
    ]
    assert all(line.endswith(" valid") for line in lines)

    assert key("revoke", ids[1]).stdout == "Revoked 1 key.\n"
    state = [line.split()[4] for line in key("list").stdout.splitlines()[1:]]
    assert state == ["valid", "revoked", "valid"]
    assert key("revoke", "a").stdout == "Revoked 1 key.\n"
    again = key("revoke", "a")
    assert again.returncode == 1 and "weir key list" in again.stderr
    assert key("revoke", "nobody").returncode == 1


def test_keys_in_the_configuration_are_pointed_out(key):
    key("add", "alice")
    revoked = key("revoke", "alice")
    assert revoked.returncode == 0
    assert "in the configuration stay valid" in revoked.stderr


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 65, "anonymous"])
def test_names_that_no_caller_can_have(key, name):
    refused = key("add", name)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert not key.file.exists()


def test_a_folder_that_cannot_be_written(key):
    key.file.parent.parent.write_text("in the way")
    refused = key("add", "bob")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert str(key.file.parent) in refused.stderr
