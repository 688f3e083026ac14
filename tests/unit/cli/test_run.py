"""`run` and its kin: what is refused before anything is sent, what is started, and the exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli import schemas, stories
from tests.unit.cli.conftest import Call, InStore, Plays
from tests.unit.cli.stories import STEPS, Story
from vastdesk.store import NewRun, RunRow, Store

pytestmark = pytest.mark.usefixtures("workflow")
BOX = ("--ssh", "ssh -p 2222 root@1.2.3.4")


def _failed(kind: str = "") -> Story:
    more = {"kind": kind} if kind else {}
    return stories.begun().state("failed", reason="it broke", **more)


def _allowed() -> Story:
    story = stories.begun().add("step_started", step="nodes")
    return story.add("step_finished", step="nodes", state="failed", note="no luck").state("succeeded")


@pytest.mark.parametrize(
    "story, code",
    [
        (stories.finished(), 0),
        (_allowed(), 0),
        (_failed(), 1),
        (_failed("internal"), 1),
        (stories.blocked(), 3),
        (_failed("connect_refused"), 4),
        (_failed("auth_refused"), 4),
        (stories.begun().state("lost"), 5),
        (stories.begun().state("interrupted"), 5),
        (_failed("connection_lost"), 5),
        (stories.begun().state("cancelled", reason="asked for"), 130),
    ],
)
def test_the_exit_code_is_how_the_run_ended(call: Call, plays: Plays, story: Story, code: int) -> None:
    plays(story)
    assert call("run", "my-greeting", *BOX).code == code
    assert call("attach", "last").code == code


@pytest.mark.parametrize(
    "words, code, sentence",
    [
        (("run", "gretting", *BOX), 7, "there is no workflow gretting (did you mean Greeting?)"),
        (("run", "my-greeting", "--instance", "nobody"), 7, "there is no instance nobody"),
        (("run", "my-greeting", *BOX, "--identity", "nobody"), 7, "there is no identity nobody"),
        (("run", "my-greeting", "--ssh", "ssh -D 1080 root@x"), 2, "'-D' is not known"),
        (("run", "my-greeting", *BOX, "--id", "42"), 2, "--id is a UUID, not '42'"),
        (("run", "my-greeting", *BOX, "--step", "dance"), 2, "the workflow has no step 'dance'"),
        (("run", "my-greeting", *BOX, "--skip", "dance"), 2, "its steps: greet, part"),
        (("run", "my-greeting", *BOX, "--set", "greet.volume=11"), 2, "it has: word"),
        (("run", "my-greeting", *BOX, "--set", "loud"), 2, "is not like step.param=value"),
        (("run", "my-greeting", *BOX, "--step-delay", "2h"), 2, "the step delay is at most"),
        (("attach", "last"), 7, "there is no run yet"),
        (("cancel", "0193"), 7, "there is no run 0193"),
        (("retry", "0193"), 7, "there is no run 0193"),
        (("resume", "0193"), 7, "there is no run 0193"),
    ],
)
def test_wrong_use_is_found_before_anything_is_saved_or_sent(
    call: Call, plays: Plays, in_store: InStore, words: tuple[str, ...], code: int, sentence: str
) -> None:
    engines = plays(stories.finished())
    said = call(*words)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err
    assert len(said.err.splitlines()) >= 2, "the next action follows"
    assert not any(engine.requests for engine in engines)

    async def saved(store: Store) -> tuple[int, int]:
        return len(await store.instances()), len(await store.runs())

    assert in_store(saved) == (0, 0)


def test_a_wrong_file_is_refused_with_every_line(call: Call, plays: Plays, tmp_path: Path) -> None:
    plays(stories.finished())
    path = tmp_path / "bad.yaml"
    path.write_text("name: x\nsteps:\n  - use: gret\n  - use: part\n    on_failure: maybe\n", encoding="utf-8")
    said = call("run", str(path), *BOX)
    assert said.code == 2
    assert "bad.yaml:3: there is no step 'gret' (did you mean greet?)" in said.err
    assert "bad.yaml:5: on_failure is stop or continue" in said.err


@pytest.mark.parametrize("name", ["my-greeting", "My Greeting", "MY_GREETING.yaml", "greeting", "GREETING"])
def test_a_workflow_is_found_by_its_file_and_by_its_name(call: Call, plays: Plays, name: str) -> None:
    plays(stories.finished())
    assert call("run", name, *BOX).code == 0


def test_choices_reach_the_engine(call: Call, plays: Plays) -> None:
    engines = plays(stories.finished())
    run_id = "0193c1f2-7a31-7c54-9b1e-3f6a2d5c8e11"
    words = ("--skip", "part", "--set", "greet.word=good day", "--step-delay", "0", "--queue", "--id", run_id.upper())
    assert call("run", "my-greeting", *BOX, *words).code == 0
    (request,) = engines[0].requests
    assert [(step.id, step.enabled) for step in request.workflow.steps] == [("greet", True), ("part", False)]
    assert request.workflow.steps[0].params["word"] == "good day"
    assert (request.workflow.step_delay_s, request.queue, request.run_id) == (0.0, True, run_id)


def test_an_ssh_string_is_saved_once_and_found_again(call: Call, plays: Plays, tmp_path: Path) -> None:
    engines = plays(stories.finished())
    key = tmp_path / "key"
    key.write_text("-")
    assert call("run", "greeting", "--ssh", "root@1.2.3.4 -p 2222", "--id", _uuid(1)).code == 0
    assert call("run", "greeting", *BOX, "--identity", str(key), "--id", _uuid(1)).code == 0
    first, second = (engine.requests[0].instance for engine in engines)
    assert first.name == second.name == "root@1.2.3.4:2222"
    assert first.id == second.id
    assert second.identity_file == str(key), "the key stays with the instance, for whoever goes on with the run"


def _uuid(number: int) -> str:
    return f"0193c1f2-7a31-7c54-9b1e-{number:012}"


def test_a_busy_instance_names_the_run_that_is_on(call: Call, plays: Plays) -> None:
    plays(stories.finished())
    call("run", "greeting", *BOX, "--id", _uuid(1))  # FakeEngine ends no runs
    said = call("run", "greeting", *BOX, "--id", _uuid(2))
    assert said.code == 6 and _uuid(1) in said.err


def test_json_of_a_run(call: Call, plays: Plays) -> None:
    plays(stories.finished())
    said = call("run", "greeting", *BOX, "--json")
    first, *events, last = schemas.checked(said.out)
    assert (first["type"], first["instance"], first["workflow"]) == ("run", "root@1.2.3.4:2222", "Greeting")
    assert [event["rseq"] for event in events] == list(range(1, len(events) + 1))
    assert (last["type"], last["state"]) == ("result", "succeeded")
    assert said.err == ""


def test_json_of_a_refused_run_is_nothing_on_stdout(call: Call, plays: Plays) -> None:
    plays(stories.finished())
    assert call("run", "nothing", *BOX, "--json").out == ""


def test_detach_returns_when_the_job_is_on_the_instance(call: Call, plays: Plays) -> None:
    plays(stories.installing(), hold_after=20)
    said = call("run", "greeting", *BOX, "--detach")
    assert said.code == 0
    assert "Detached: the work goes on on the instance.\nWatch it again:  vastdesk --data-dir" in said.out


def test_detach_of_a_run_that_cannot_start_tells_why(call: Call, plays: Plays) -> None:
    plays(stories.blocked())
    assert call("run", "greeting", *BOX, "--detach").code == 3


def test_a_queued_run_that_is_detached_waits_for_its_turn(call: Call, plays: Plays) -> None:
    plays(stories.finished())
    call("run", "greeting", *BOX, "--id", _uuid(1))
    said = call("run", "greeting", *BOX, "--id", _uuid(2), "--queue", "--detach")
    assert (said.code, said.out.splitlines()[0]) == (0, "Detached: the run waits for its turn.")
    said = call("run", "greeting", *BOX, "--id", _uuid(3), "--queue", "--detach", "--json")
    *_, last = schemas.checked(said.out)
    assert (said.code, last["state"], last["detached"]) == (0, "queued", True)


@pytest.fixture
def stored(in_store: InStore) -> RunRow:
    """A run that is on."""

    async def make(store: Store) -> RunRow:
        instance = await store.add_instance("my-box", [])
        row = await store.create_run(NewRun(stories.RUN, instance.id, {"name": "Greeting"}))
        steps = [{"id": id_, "use": id_, "title": title} for id_, title in STEPS]
        await store.append_desktop(
            row.id, "run_state", state="running", workflow="Greeting", instance="my-box", steps=steps
        )
        return row

    return in_store(make)


def test_attach_takes_over_and_follows_from_a_number_on(call: Call, plays: Plays, stored: RunRow) -> None:
    engines = plays(stories.finished())
    said = call("attach", stored.id[:14], "--json", "--since", "40")
    _, *events, _ = schemas.checked(said.out)
    assert engines[0].driven == [stored.id]
    assert events[0]["rseq"] == 41


def test_attach_to_a_blocked_run_shows_the_key_and_tries_nothing(
    call: Call, plays: Plays, in_store: InStore, stored: RunRow
) -> None:
    async def block(store: Store) -> None:
        await store.append_desktop(stored.id, "run_state", state="blocked")

    in_store(block)
    engines = plays(stories.blocked())
    said = call("attach", "last")
    assert said.code == 3 and "instances trust" in said.out
    assert engines[0].driven == []


def test_resume_shows_only_what_is_new(call: Call, plays: Plays, stored: RunRow) -> None:
    plays(stories.finished())
    _, *events, _ = schemas.checked(call("resume", "last", "--json").out)
    assert events[0]["rseq"] == 2, "one event was stored before"


def test_cancel_waits_for_the_end_and_says_it(call: Call, plays: Plays, in_store: InStore, stored: RunRow) -> None:
    engines = plays(stories.installing(), hold_after=20)
    assert call("cancel", "last").code == 1, "in the store nothing says that it was cancelled"
    assert engines[0].cancels == ["asked for"]

    async def end(store: Store) -> None:
        await store.append_desktop(stored.id, "run_state", state="cancelled")

    in_store(end)
    said = call("cancel", "last")
    assert (said.code, said.out) == (0, "Workflow cancelled before its first step (run 0193c1f2-7a31)\n")
