"""Fixtures of all specs; see harness/."""

import subprocess

import pytest

from harness.engine import ScriptedEngine
from harness.real import llama_server, ollama  # noqa: F401  fixtures
from harness.weir import Weir


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "weir(**config): what the weir of this spec is told"
    )
    config.addinivalue_line(
        "markers", "engine(kind, models, slots): what its engine is"
    )


@pytest.fixture
def start_engine():
    """Start scripted engines; what went wrong in their scripts is raised."""
    engines = []

    def start(*args, **kwargs):
        engines.append(ScriptedEngine(*args, **kwargs))
        return engines[-1]

    yield start
    for engine in engines:
        engine.stop()
    for engine in engines:
        engine.check()


@pytest.fixture
def engine(request, start_engine):
    """The scripted engine of a spec, as its marker says."""
    marker = request.node.get_closest_marker("engine")
    return start_engine(
        *(marker.args if marker else ()), **(marker.kwargs if marker else {})
    )


@pytest.fixture
def start_weir(request):
    """Start weirs; after the spec they must be at rest and end well."""
    weirs = []

    def start(config=None, engine=None, **more):
        weir = Weir(config, engine, **more)
        weirs.append(weir)
        weir.start()
        if engine:
            weir.wait_engine_up()
        return weir

    yield start
    failed = getattr(request.node, "has_failed", False)
    try:
        for weir in weirs:
            if not failed and weir.is_checked:
                weir.check_quiet()
            if not failed:
                weir.stop()
    finally:
        for weir in weirs:
            weir.kill()


@pytest.fixture
def mount_disk(tmp_path):
    """Mount file systems of some size; skipped by name where none can be."""
    folders = []

    def mount(size):
        folder = tmp_path / ("disk%d" % len(folders))
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=" + size, "none", folder],
            capture_output=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip("a tmpfs cannot be mounted here (needs root)")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def weir(request, start_weir, engine):
    """A weir in front of `engine`, configured by its marker."""
    marker = request.node.get_closest_marker("weir")
    return start_weir(dict(marker.kwargs) if marker else {}, engine)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Tell the fixtures whether the spec failed: its cause comes first."""
    report = (yield).get_result()
    if report.failed:
        item.has_failed = True
        for weir in [
            v for v in item.funcargs.values() if isinstance(v, Weir)
        ]:
            if weir.process:
                report.sections.append(("stderr of weir", weir.stderr()))
                report.sections.append(
                    ("log of weir", "\n".join(weir.out.lines[-40:]))
                )
