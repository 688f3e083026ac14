"""The small parts: finding the culprit, reading ComfyUI's imports, merging files, working side by side."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vastdesk.remote.runner.nodes import envfile, reasons, yamlblock
from vastdesk.remote.runner.nodes.frozen import Installed, constraints, moved, protected
from vastdesk.remote.runner.nodes.git import explain
from vastdesk.remote.runner.nodes.installation import closing_note
from vastdesk.remote.runner.nodes.installers import Attempt, kind_of
from vastdesk.remote.runner.nodes.parallel import run_parallel
from vastdesk.remote.runner.nodes.requirements import Line
from vastdesk.remote.runner.nodes.sift import Sifter
from vastdesk.remote.runner.nodes.verify import Imports, Problem
from vastdesk.remote.runner.tools import Result


def sift(
    items: Sequence[int], fits: object, guess: object = lambda answer, items: []
) -> tuple[list[int], list[int], int]:
    tried: list[Sequence[int]] = []

    def attempt(chosen: Sequence[int]) -> bool:
        tried.append(chosen)
        return fits(chosen)  # type: ignore[operator,no-any-return]

    sifter: Sifter[int, bool] = Sifter(attempt, bool, guess)  # type: ignore[arg-type]
    good, answer = sifter.sift(items)
    assert answer in (True, None)
    return good, [item for item, _ in sifter.bad], len(tried)


@given(st.sets(st.integers(0, 39)))
def test_all_the_bad_ones_are_found_and_no_other(bad: set[int]) -> None:
    good, found, _ = sift(range(40), lambda chosen: not bad & set(chosen))
    assert (set(good), set(found)) == (set(range(40)) - bad, bad)


def test_of_a_pair_that_excludes_each_other_the_later_is_bad() -> None:
    good, found, tried = sift(range(34), lambda chosen: not {3, 29} <= set(chosen))
    assert found == [29]
    assert 3 in good
    assert tried <= 8


def test_a_good_guess_saves_work_and_a_bad_one_does_no_harm() -> None:
    fits = lambda chosen: 20 not in chosen  # noqa: E731
    assert sift(range(34), fits, lambda answer, items: [20])[1:] == ([20], 2)
    assert sift(range(34), fits, lambda answer, items: [5])[1] == [20]


OUTPUT = """\
[2026-01-01 10:00:00.000] Prestartup times for custom nodes:
   0.0 seconds (PRESTARTUP FAILED): /w/custom_nodes/pre
Traceback (most recent call last):
  File "/w/nodes.py", line 1, in load
ModuleNotFoundError: No module named 'x'

[INFO] Cannot import /w/custom_nodes/broken module for custom nodes: No module named 'x'
ValueError: not this
Cannot import /w/custom_nodes/silent module for custom nodes:

Import times for custom nodes:
   0.0 seconds: /w/custom_nodes/websocket_image_save.py
   0.1 seconds (IMPORT FAILED): /w/custom_nodes/broken
   1.0 seconds (IMPORT FAILED): /w/custom_nodes/silent
   0.0 seconds: /w/custom_nodes/pre
   0.2 seconds: /w/custom_nodes/good one
"""


def test_reading_comfyuis_imports() -> None:
    imports = Imports()
    for line in OUTPUT.splitlines():
        imports.line(line)
    assert imports.problems(["good one", "broken", "silent", "pre", "absent"]) == [
        Problem("broken", "No module named 'x'"),
        Problem("silent", "ValueError: not this"),
        Problem("pre", "its import failed without a reason"),
        Problem("absent", "ComfyUI did not load it"),
    ]
    assert [problem.node for problem in imports.problems(None)] == ["broken", "pre", "silent"]


@pytest.mark.parametrize(
    ("numbers", "note"),
    [
        ((10, 1, 0, 0), "Installed 9/10 custom nodes (1 failed) · all dependencies verified"),
        ((4, 0, 0, 0), "Successfully installed 4/4 custom nodes · all dependencies verified"),
        ((4, 0, 3, 2), "Successfully installed 4/4 custom nodes · 3 already there · 2 dependency problems"),
        ((0, 0, 0, 0), "Successfully installed 0/0 custom nodes · all dependencies verified"),
    ],
)
def test_the_closing_note(numbers: tuple[int, int, int, int], note: str) -> None:
    assert closing_note(*numbers) == note


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "UI_HOME=/w\n"),
        ("A=1", "A=1\nUI_HOME=/w\n"),
        ("UI_HOME=/old\nA=1\n  export UI_HOME = '/x'\n", "UI_HOME=/w\nA=1\n"),
        ("MY_UI_HOME=/m\n#UI_HOME=/c\n", "MY_UI_HOME=/m\n#UI_HOME=/c\nUI_HOME=/w\n"),
        ("A=\u2028x\n\nB=2\n", "A=\u2028x\n\nB=2\nUI_HOME=/w\n"),
    ],
)
def test_a_variable_is_set_once(text: str, expected: str) -> None:
    assert envfile.with_variable(text, "UI_HOME", "/w") == expected
    assert envfile.with_variable(expected, "UI_HOME", "/w") == expected


def test_a_value_with_a_blank_is_quoted() -> None:
    assert envfile.with_variable("", "UI_HOME", "/my files") == 'UI_HOME="/my files"\n'


LINKS = [("Lora", "loras"), ("ESRGAN", "upscale_models"), ("SwinIR", "upscale_models")]


def test_the_block_in_extra_model_paths() -> None:
    import yaml

    text = yamlblock.with_block("a111:\n  base_path: /x", yamlblock.block('/w/"models"', LINKS))
    assert yaml.safe_load(text) == {
        "a111": {"base_path": "/x"},
        "vastdesk_links": {"base_path": '/w/"models"', "loras": "Lora", "upscale_models": "ESRGAN\nSwinIR"},
    }
    assert yamlblock.with_block(text, yamlblock.block('/w/"models"', LINKS)) == text
    assert yamlblock.without_block(text) == "a111:\n  base_path: /x\n"


def test_the_block_is_replaced_where_it_stood_and_copies_go() -> None:
    old, new = yamlblock.block("/a", LINKS), yamlblock.block("/b", LINKS)
    before, after = f"x: 1\n{old}y: 2\n{old}", f"x: 1\n{new}y: 2\n"
    assert yamlblock.with_block(before, new) == after
    assert yamlblock.with_block(before.replace("\n", "\r\n"), new) == after.replace("\n", "\r\n")


def test_what_is_protected() -> None:
    assert all(map(protected, ("torch", "nvidia-cublas-cu12", "opencv_python", "NumPy", "huggingface_hub", "Pillow")))
    assert not any(map(protected, ("torchtext-x", "colorama", "nvidia")))


def test_constraints_and_drift() -> None:
    before = {
        "torch": Installed("torch", "2.8.0+cu128"),
        "pip": Installed("pip", "24.0"),
        "odd": Installed("odd", "not a version!"),
        "git-one": Installed("git-one", "1.0", "git+https://h/x@abc"),
        "mine": Installed("mine", "0.1", "-e file:///mine"),
    }
    assert constraints(before) == ["git-one==1.0", "mine==0.1", "torch==2.8.0+cu128"]
    assert before["git-one"].line == "git-one @ git+https://h/x@abc"
    assert before["mine"].line == "-e file:///mine"
    after = {**before, "torch": Installed("torch", "2.9.0")}
    assert [str(item) for item in moved(before, after)] == ["torch 2.8.0+cu128 → 2.9.0"]
    assert [str(item) for item in moved(before, {})] == ["torch 2.8.0+cu128 → removed"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("error: Failed to fetch: x\n cause: error sending request for url", "network"),
        ("  cause: HTTP status server error (503 Service Unavailable) for url", "network"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError(...)'", "network"),
        ("ERROR: HTTP error 502 while getting https://x", "network"),
        ("ERROR: No matching distribution found for nosuch", "missing"),
        ("Because nosuch was not found in the package registry", "missing"),
        ("error: Failed to build `hard==1.0`\n connection timed out", "build"),
        ("ERROR: Failed building wheel for hard", "build"),
        ("Because you require numpy<2 and numpy==2.1.3", "conflict"),
    ],
)
def test_kinds_of_failures(text: str, kind: str) -> None:
    assert kind_of(text.split("\n")) == kind


@pytest.mark.parametrize(
    ("words", "sentence", "passing"),
    [
        (
            "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
            "it does not exist or asks",
            False,
        ),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found", "it does not exist", False),
        ("fatal: Remote branch v9 not found in upstream origin", "it has no such tag or commit", False),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", "the name of the git server", True),
        ("fatal: unable to access 'x': The requested URL returned error: 502", "the git server answers", True),
        ("error: RPC failed; curl 18 transfer closed\nfatal: early EOF", "the connection to the git server", True),
        (
            "Host key verification failed.\nfatal: Could not read from remote repository.",
            "the host key of the git server",
            False,
        ),
        ("fatal: something new", "git: something new", False),
    ],
)
def test_what_gits_words_mean(words: str, sentence: str, passing: bool) -> None:
    failure = explain(Result(128, words.split("\n")))
    assert failure.sentence.startswith(sentence)
    assert failure.passing is passing


def test_pips_words_name_the_line_too() -> None:
    line = Line("einops<0.5", "einops", "requirements.txt line 3", "einops<0.5")
    before = {"numpy": Installed("numpy", "2.1.3")}
    text = [
        "    needs-old 1.0 depends on numpy<2",
        "    The user requested (constraint) numpy==2.1.3",
        "ERROR: ResolutionImpossible",
    ]
    attempt = Attempt(False, {}, {}, text, "conflict")
    assert reasons.line_reason(line, attempt, before, []) == (
        "requirements.txt line 3, `einops<0.5`, needs numpy<2, but numpy 2.1.3 is installed and stays"
    )


def test_side_by_side_in_order_and_bounded() -> None:
    lock, now, most, begun = threading.Lock(), [0], [0], []
    done: set[int] = set()

    def work(item: int) -> None:
        with lock:
            begun.append(item)
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.005)
        with lock:
            now[0] -= 1
            done.add(item)

    run_parallel(range(20), 4, lambda item: item != 3 or 15 in done, work, lambda: None)
    assert sorted(begun) == list(range(20))
    assert begun.index(3) > begun.index(15)
    assert most[0] == 4


def test_the_first_failure_ends_it() -> None:
    begun: list[int] = []
    stopped = threading.Event()

    def work(item: int) -> None:
        begun.append(item)
        if item == 2:
            raise OSError(28, "full")
        stopped.wait(5)

    with pytest.raises(OSError, match="full"):
        run_parallel(range(100), 3, lambda item: True, work, stopped.set)
    assert len(begun) <= 5


def test_what_waits_for_itself_runs_in_the_end() -> None:
    done: list[int] = []
    run_parallel([1, 2], 2, lambda item: False, done.append, lambda: None)
    assert done == [1, 2]
