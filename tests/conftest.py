"""What every test stands on: an environment of its own, a look at what is left behind, and CI's rule about skips."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import leaks

ALLOWED_SKIPS = Path(__file__).parent / "allowed_skips.txt"

# No deadline: on two shared cores a slow example says nothing. `HYPOTHESIS_PROFILE=thorough` searches for longer.
settings.register_profile("vastdesk", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("vastdesk"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "vastdesk"))


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the developer's own VastDesk, keys or agent, wherever it forgets to say so."""
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith("VASTDESK_")]:
        patch.delenv(name)
    for name in ("SSH_AUTH_SOCK", "SSH_ASKPASS", "NO_COLOR", "FORCE_COLOR"):
        patch.delenv(name, raising=False)
    home = tmp_path_factory.mktemp("home")
    for name, folder in (("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")):
        patch.setenv(name, str(home / folder))
    yield
    patch.undo()


# The three checks are named in the order in which they begin; they end the other way round, each after all that the
# test itself asked for is closed.


@pytest.fixture(scope="module", autouse=True)
def _a_no_jobs_left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No process of a job that this worker's tests started outlives its test file."""
    yield
    if "unit" in request.path.parts:
        return
    left = leaks.wait_for_none(lambda: leaks.job_processes(str(tmp_path_factory.getbasetemp())), 5)
    leaks.end_processes(left)
    if left:
        pytest.fail("processes of jobs are left behind:\n" + "\n".join(map(str, left)), pytrace=False)


@pytest.fixture(autouse=True)
def _b_no_threads_left() -> Iterator[None]:
    before = leaks.threads()
    yield
    left = leaks.wait_for_none(lambda: leaks.threads() - before, 2)
    if left:
        pytest.fail("threads are left behind:\n" + leaks.describe_threads(left), pytrace=False)


@pytest.fixture(autouse=True)
def _c_no_tasks_left(request: pytest.FixtureRequest, _b_no_threads_left: None) -> None:
    """Only asynchronous tests have a loop to look at; for the others none is made."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("_tasks_left")


@pytest.fixture
async def _tasks_left() -> AsyncIterator[None]:
    yield
    left = await leaks.tasks_left(2)
    if left:
        pytest.fail("tasks are left behind:\n" + leaks.describe_tasks(left), pytrace=False)


def _unlisted_skips(skipped: list[pytest.TestReport]) -> list[str]:
    lines = (line.split("#")[0].strip() for line in ALLOWED_SKIPS.read_text("utf-8").splitlines())
    allowed = tuple(line for line in lines if line)
    return sorted({report.nodeid for report in skipped if not report.nodeid.startswith(allowed)})


def _forbidden_skips(config: pytest.Config) -> list[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None or hasattr(config, "workerinput"):
        return []
    return _unlisted_skips(reporter.stats.get("skipped", []))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skip is a hole: it fails the run unless `allowed_skips.txt` names it with its reason."""
    if exitstatus == pytest.ExitCode.OK and _forbidden_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for nodeid in _forbidden_skips(config):
        terminalreporter.write_line(f"SKIPPED IN CI, not named in {ALLOWED_SKIPS.name}: {nodeid}", red=True)
