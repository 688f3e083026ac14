"""The live picture at every size."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.unit.cli import stories
from tests.unit.cli.stories import START, Story
from vastdesk.cli.glyphs import ASCII
from vastdesk.cli.picture import Frame, picture

HINT = ("Ctrl+C: detach or cancel",)


def drawn(story: Story, width: int, height: int | None = None, **more: object) -> list[str]:
    frame = Frame(width, height, now_ts=START + 60, **more)  # type: ignore[arg-type]
    return [line.plain for line in picture(story.view, frame)]


def test_eighty_columns() -> None:
    assert "\n".join(drawn(stories.installing(), 80, 24, since_event_s=2.0, footer=HINT)) == EIGHTY


EIGHTY = """\
Custom nodes only on my-box                                    run 0193c1f2-7a31
⠋ running · step 3 of 3 · 01:00

✓ Test SSH              succeeded    00:04  Connected · RTX 4090
✓ Set UI_HOME           succeeded    00:04  UI_HOME is /workspace/ComfyUI
⠋ Install custom nodes  running      00:16
│  ✓ Read node list       succeeded    10 nodes
│  ✓ Configure venv path  succeeded    /venv/main
│  ✗ 2 others (1/2)       failed
│  ⠋ ComfyUI-Node-3       45 %  1.2 MiB/s  12.0 MiB  00:08  02:15 left
│  ⠋ ComfyUI-Node-4       running      00:07
│  ⠋ ComfyUI-Node-5       running      00:06
│  ⠋ ComfyUI-Node-6       running      00:05
│  ○ 4 others (0/4)

Ctrl+C: detach or cancel"""


def test_forty_columns() -> None:
    assert "\n".join(drawn(stories.installing(), 40)) == FORTY


FORTY = """\
Custom nodes only on my-box
⠋ running · step 3 of 3 · 01:00

✓ Test SSH              succeeded  00:04
│  Connected · RTX 4090
✓ Set UI_HOME           succeeded  00:04
│  UI_HOME is /workspace/ComfyUI
⠋ Install custom nodes  running  00:14
│  ✓ Read node list    succeeded
│  ✓ Configure venv …  succeeded
│  ✗ 2 others (1/2)    failed
│  ⠋ ComfyUI-Node-3    45 %  1.2 MiB/s …
│  ⠋ ComfyUI-Node-4    running    00:05
│  ⠋ ComfyUI-Node-5    running    00:04
│  ⠋ ComfyUI-Node-6    running    00:03
│  ○ 4 others (0/4)"""


def test_two_hundred_columns_have_a_bar() -> None:
    text = "\n".join(drawn(stories.installing(), 200))
    assert "━━━━━━━─────────  45 %  1.2 MiB/s" in text


def test_when_it_is_done_each_step_is_folded_with_its_note() -> None:
    assert "\n".join(drawn(stories.finished(), 120)) == FINISHED


FINISHED = f"""\
Custom nodes only on my-box{" " * 76}run 0193c1f2-7a31
✓ succeeded · 00:39

✓ Test SSH              succeeded    00:04  Connected · RTX 4090
✓ Set UI_HOME           succeeded    00:04  UI_HOME is /workspace/ComfyUI
✓ Install custom nodes  succeeded    00:24  Installed 9/10 custom nodes (1 failed) · all dependencies verified"""


def test_a_reconnecting_run_says_that_the_work_goes_on() -> None:
    lines = drawn(stories.installing().state("reconnecting", reason="gone"), 80)
    assert lines[2] == "Connection lost: the work goes on, reconnecting"


@pytest.mark.parametrize("width", [1, 5, 12, 20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [None, 6, 12, 24, 50])
def test_no_line_is_wider_and_no_picture_higher_than_the_terminal(width: int, height: int | None) -> None:
    for story in (stories.begun(), stories.installing(200), stories.finished(200), stories.blocked(), many_steps()):
        lines = drawn(story, width, height, footer=HINT)
        assert max(map(cell_len, lines)) <= width
        assert height is None or len(lines) <= height


def many_steps(count: int = 30) -> Story:
    names = [(f"s{number}", f"Step {number}") for number in range(count)]
    story = Story().announce(*names).state("running")
    for id_, _ in names[:10]:
        story.add("step_started", step=id_).add("step_finished", step=id_, state="succeeded", note="done")
    return story.add("step_started", step="s10").plan("s10", ("a", "A task")).task("s10", "a", "running")


def test_a_low_terminal_folds_what_is_done_and_what_is_to_come_first() -> None:
    lines = drawn(many_steps(), 80, 14)
    assert "✓ 10 steps done" in lines and "○ 19 steps to come" in lines
    assert any("A task" in line for line in lines)


def test_a_failed_step_is_never_folded_away() -> None:
    story = many_steps()
    story.add("step_finished", step="s10", state="failed", note="no luck").add("step_started", step="s11")
    assert any("Step 10" in line and "failed" in line for line in drawn(story, 80, 12))


def test_of_two_hundred_nodes_four_are_rows() -> None:
    text = "\n".join(drawn(stories.installing(200), 100))
    assert text.count("ComfyUI-Node-") == 4
    assert "✗ 2 others (1/2)" in text and "○ 194 others (0/194)" in text


def test_clocks_go_on_between_events_and_spinners_turn() -> None:
    before, after = drawn(stories.installing(), 80), drawn(stories.installing(), 80, since_event_s=70.0, turn=3)
    assert before[5] == "⠋ Install custom nodes  running      00:14"
    assert after[5] == "⠸ Install custom nodes  running      01:24"


def test_other_peoples_texts_are_only_text() -> None:
    story = Story().announce(("nodes", "[red]Nodes[/red]\x1b[2J"), instance="[link=http://x]box[/link]")
    story.state("running").add("step_started", step="nodes")
    story.plan("nodes", ("n", "[bold]\x1b]8;;http://evil\x07name\nnext"), ("wide", "日本語" * 30))
    story.task("nodes", "n", "failed", note="\x1b[31mred\r\u202e").task("nodes", "wide", "running")
    text = "\n".join(drawn(story, 80))
    assert "\x1b" not in text and "\r" not in text and "\u202e" not in text
    assert "[red]Nodes[/red]" in text and "[bold]name next" in text and "[link=http://x]box[/link]" in text


def test_a_terminal_without_unicode_gets_ascii_signs() -> None:
    text = "\n".join(drawn(stories.installing(), 120, glyphs=ASCII))
    assert "+ Test SSH" in text and "x 2 others" in text and "#######---------" in text
    assert not set(text) - set(map(chr, range(32, 127))) - {"\n", "·"}
