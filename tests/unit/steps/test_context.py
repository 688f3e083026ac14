"""What a step works with: rows, tools with bounds, secrets that stay where they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests import leaks
from tests.unit.steps.helpers import bench
from vastdesk.remote.runner import emitter, errors
from vastdesk.remote.runner.context import TaskHandle
from vastdesk.remote.runner.errors import KINDS, StepError
from vastdesk.remote.runner.redact import MASK, Redactor
from vastdesk.remote.runner.tools import LineSplitter, clean_environment, plain


def py(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_task_as_a_context_manager(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.ctx.plan([{"id": "a", "label": "A"}])
        with b.ctx.task("a"):
            pass
        with pytest.raises(StepError), b.ctx.task("b", "B", parent="a", kind="node"):
            raise StepError("disk_full", path="/x")
        assert b.events() == [
            {"type": "plan", "step": "step", "tasks": [{"id": "a", "label": "A"}]},
            {"type": "task", "step": "step", "id": "a", "state": "running"},
            {"type": "task", "step": "step", "id": "a", "state": "succeeded"},
            {
                "type": "task",
                "step": "step",
                "id": "b",
                "state": "running",
                "label": "B",
                "parent": "a",
                "kind": "node",
            },
            {
                "type": "task",
                "step": "step",
                "id": "b",
                "state": "failed",
                "note": KINDS["disk_full"].sentence.format(path="/x"),
            },
        ]


def test_progress_five_times_a_second_the_latest_wins(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        task = b.ctx.task("a")
        task.running()
        begin = time.monotonic()
        for done in range(2000):
            task.progress(done, 2000, "files", rate=1.23456)
        allowed = (time.monotonic() - begin) / emitter.PROGRESS_GAP_S + 2
        events = [event for event in b.events() if "progress" in event]
        assert len(events) <= allowed
        assert events[-1]["progress"] == {"done": 1999, "total": 2000, "unit": "files"}
        assert events[-1]["rate"] == 1.2


def test_late_progress_is_sent_without_another_call(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        task = b.ctx.task("a")
        task.progress(1, 10)
        task.progress(2, 10)
        assert leaks.wait_for_none(lambda: [] if len(b.lines) == 2 else [b.lines], 5) == []
        assert [event["progress"]["done"] for event in b.events()] == [1, 2]


def test_a_percentage_never_falls_and_never_passes_its_total(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        task = b.ctx.task("a")
        for done in (10, 45, 3, 700):
            task.progress(done, 100)
            task.succeeded() if done == 700 else b.emitter.send({}, "a")
        assert [event["progress"]["done"] for event in b.events() if "progress" in event] == [10, 45, 100]


def test_a_state_takes_pending_progress_along(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        task = b.ctx.task("a")
        task.running()
        task.progress(3, 4, "packages")
        task.succeeded("done")
        assert b.events()[-1]["progress"] == {"done": 3, "total": 4, "unit": "packages"}


def test_a_plan_of_a_thousand_fits_into_lines(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.ctx.plan([{"id": str(n), "label": "é" * 200, "kind": "node"} for n in range(1000)])
        events = b.events()
        assert max(len(line) for line in b.lines) <= emitter.MAX_LINE
        assert [task["id"] for event in events for task in event["tasks"]] == [str(n) for n in range(1000)]


def test_long_and_odd_texts_are_cut_to_a_line(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.ctx.log("😀" * 10_000)
        b.ctx.task("a").failed("\udcff" + "x" * 50_000)
        assert len(b.events()) == 2
        assert all(len(line) <= emitter.MAX_LINE for line in b.lines)


def test_events_from_many_threads_never_mix(tmp_path: Path) -> None:
    with bench(tmp_path) as b:

        def work(task: TaskHandle) -> None:
            for number in range(50):
                task.running(str(number) * 500)

        threads = [threading.Thread(target=work, args=(b.ctx.task(str(n)),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(b.events()) == 400


def test_a_reader_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    out = emitter.Emitter(write)
    out.send({"type": "log"})
    out.close_with({"type": "result"})
    os.close(write)


def test_tools_get_no_stdin_and_their_own_group(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        lines: list[str] = []
        code = "import os, sys; print(repr(sys.stdin.read()), os.getpgid(0) == os.getpid(), os.environ['VASTDESK_JOB'])"
        assert b.ctx.run(py(code), lines.append).ok
        assert lines == ["'' True job-on-a-bench"]


def test_stdin_of_a_tool(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        lines: list[str] = []
        result = b.ctx.run(py("import sys; print(len(sys.stdin.read()))"), lines.append, stdin=b"x" * 300_000)
        assert (result.ok, lines) == (True, ["300000"])


def test_only_lists_of_words(tmp_path: Path) -> None:
    with bench(tmp_path) as b, pytest.raises(TypeError):
        b.ctx.run("rm -rf /")  # type: ignore[arg-type]


def test_lines_end_at_both_kinds_of_ends(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        lines: list[str] = []
        words = r"b'1%\r2%\r\n\x1b[31mred\x1b[0m \xff\n\x1b]0;title\x07end\x08'"
        result = b.ctx.run(py(f"import sys; sys.stdout.buffer.write({words}); sys.exit(3)"), lines.append)
        assert lines == ["1%", "2%", "red �", "end"]
        assert (result.code, result.tail, result.ok) == (3, lines, False)
        assert b"\x1b[31mred" in bytes(b.output)


def test_a_line_of_ten_megabytes_and_a_flood(tmp_path: Path) -> None:
    code = "print('x' * 10_000_000)\nfor _ in range(200): print('y' * 100_000)\nprint('end')"
    with bench(tmp_path) as b:
        lines: list[str] = []
        result = b.ctx.run(py(code), lines.append, quiet=True)
        assert [len(line) for line in lines] == [4096] * 201 + [3]
        assert len(result.tail) == 40
        assert not b.output


def test_a_tool_over_its_time_is_killed_with_its_children(tmp_path: Path) -> None:
    code = "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    with bench(tmp_path) as b:
        lines: list[str] = []
        begin = time.monotonic()
        result = b.ctx.run(py(code), lines.append, timeout_s=0.5)
        assert result.timed_out
        assert not result.ok
        assert time.monotonic() - begin < 5
        assert _gone(int(lines[0]))


def test_a_silent_tool_is_killed_and_a_talking_one_is_not(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        assert b.ctx.run(py("import time; time.sleep(60)"), stall_s=0.3).timed_out
        talking = "import time\nfor n in range(20): print(n, flush=True); time.sleep(0.1)"
        assert b.ctx.run(py(talking), stall_s=1.5).ok


def test_a_tool_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vastdesk.remote.runner.tools._KILL_GRACE_S", 0.1)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    with bench(tmp_path) as b:
        assert b.ctx.run(py(code), timeout_s=0.5).code in (-9, -15)


def test_a_child_in_the_background_does_not_hold_the_step(tmp_path: Path) -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '5'], start_new_session=True); print('done')"
    with bench(tmp_path) as b:
        begin = time.monotonic()
        assert b.ctx.run(py(code)).tail == ["done"]
        assert time.monotonic() - begin < 4


def test_missing_tools_and_folders(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        for argv in (["no-such-tool"], [str(tmp_path)]):
            with pytest.raises(StepError) as caught:
                b.ctx.run(argv)
            assert caught.value.kind == "tool_missing"
            assert caught.value.facts["tool"] == argv[0]
        with pytest.raises(StepError) as caught:
            b.ctx.run(py(""), cwd=str(tmp_path / "gone"))
        assert caught.value.kind == "no_folder"


def test_a_full_disk_in_a_tools_words(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        words = "print('error: No space left on device (os error 28)')"
        assert b.ctx.run(py(words)).ok, "it went well: they are only words"
        with pytest.raises(StepError) as caught:
            b.ctx.run(py(words + "; raise SystemExit(1)"))
        assert caught.value.kind == "disk_full"


def test_an_error_while_reading_ends_the_tool(tmp_path: Path) -> None:
    def fall_over(line: str) -> None:
        raise ValueError(line)

    with bench(tmp_path) as b:
        begin = time.monotonic()
        with pytest.raises(ValueError, match="now"):
            b.ctx.run(py("import time; print('now', flush=True); time.sleep(60)"), fall_over)
        assert time.monotonic() - begin < 5


def test_no_tool_starts_after_the_end(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.ctx.stop_tools()
        with pytest.raises(StepError) as caught:
            b.ctx.run(py(""))
        assert caught.value.kind == "cancelled"


def test_secrets_are_masked_in_events_and_output(tmp_path: Path) -> None:
    secret = "tok/en+123"
    with bench(tmp_path, secrets={"token": secret, "none": ""}) as b:
        assert b.ctx.secret("token") == secret
        assert b.ctx.secret("none") is None
        assert b.ctx.secret("other") is None
        b.ctx.log(f"a {secret} b")
        b.ctx.task(secret).failed(f"x tok%2Fen%2B123 {secret}")
        code = f"import sys, time\nfor c in 'a {secret} b\\n': sys.stdout.write(c); sys.stdout.flush()"
        lines: list[str] = []
        b.ctx.run(py(code), lines.append)
        assert lines == [f"a {MASK} b"]
        text = json.dumps(b.events()) + b.output.decode()
        assert "en+123" not in text
        assert "2B123" not in text


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_secret_cut_in_pieces(size: int) -> None:
    data = b"begin hunter2hunter2 and hunter2 and hunte" * 3
    stream = Redactor(["hunter2"]).stream()
    out = b"".join(stream.feed(data[place : place + size]) for place in range(0, len(data), size)) + stream.flush()
    assert out == data.replace(b"hunter2", MASK.encode())


def test_the_environment_of_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    inherited = {
        "PATH": "/usr/bin",
        "PYTHONPATH": "/x",
        "CIVITAI_TOKEN": "t",
        "https_proxy": "http://p",
        "VASTDESK_EVENT_FD": "5",
    }
    image = {"PATH": "/opt/bin:/usr/bin", "HF_TOKEN": "t", "CONTAINER_API_KEY": "k", "WORKSPACE": "/w", "LANG": "de_DE"}
    env = clean_environment(inherited, image, "/root", "root", "j1")
    assert env["PATH"].split(":")[:2] == ["/opt/bin", "/usr/bin"]
    assert "/bin" in env["PATH"].split(":")
    assert (env["LANG"], env["HOME"], env["VASTDESK_JOB"]) == ("C.UTF-8", "/root", "j1")
    assert (env["https_proxy"], env["WORKSPACE"], env["GIT_TERMINAL_PROMPT"]) == ("http://p", "/w", "0")
    assert not [
        name for name in env if "TOKEN" in name or "API_KEY" in name or name in ("PYTHONPATH", "VASTDESK_EVENT_FD")
    ]


def test_log_events_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vastdesk.remote.runner.context.MAX_LOG_EVENTS", 3)
    with bench(tmp_path) as b:
        for number in range(10):
            b.ctx.log(f"line {number}")
        assert [event["text"] for event in b.events()][1:] == ["line 1", "Further lines are only in the output file."]
        assert b.output.count(b"\n") == 10


def test_space_is_asked_of_the_nearest_folder(tmp_path: Path) -> None:
    with bench(tmp_path) as b:
        b.ctx.require_space(str(tmp_path / "not" / "yet"), 1)
        with pytest.raises(StepError) as caught:
            b.ctx.require_space(str(tmp_path / "not" / "yet"), 1 << 60)
        assert caught.value.kind == "disk_full"


def test_every_kind_has_a_sentence_and_an_action() -> None:
    names = "path detail step problem tool repository note what freeze suggestion how last"
    for kind in KINDS:
        error = errors.StepError(kind, **dict.fromkeys(names.split(), "x"))
        assert error.sentence
        assert error.action.endswith("."), kind


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb"], [b"a", b"b"]),
        ([b"a\r", b"\nb\r\n"], [b"a", b"b"]),
        ([b"x" * 5000, b"y\nz\n"], [b"x" * 4096, b"z"]),
        ([b"\n\n \n"], []),
    ],
)
def test_the_line_splitter(chunks: list[bytes], lines: list[bytes]) -> None:
    splitter = LineSplitter()
    found = [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.flush()
    assert found == lines


def test_half_an_escape_sequence_at_the_cut() -> None:
    assert plain(b"text\x1b[3") == "text"
    assert plain(b"\x1b(Btext\x1b[?25l") == "text"


def _gone(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return state in ("", "Z", "Zs")
