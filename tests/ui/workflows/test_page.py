"""The page of workflows: choosing, changing, keeping, importing, running."""

from __future__ import annotations

from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from tests.ui.fakes import HOSTILE_NAMES, FakeBridge, instance, state_of, until
from tests.ui.machines.fakes import head
from tests.ui.workflows.fakes import CATALOGUE, FakeEngine
from vastdesk.domain.errors import VastDeskError
from vastdesk.domain.workflow import load_workflow
from vastdesk.ui.state import State
from vastdesk.ui.workflows.page import WorkflowPage
from vastdesk.ui.workflows.saving import NameDialog, free_name

MINE = "name: Mine\ndescription: Every morning\nsteps:\n  - use: test_ssh\n  - {use: wait, with: {seconds: 20}}\n"
BROKEN = "name: Broken\nsteps:\n  - use: tes_ssh\n  - use: wait\n    with: {seconds: -1}\n"


class World:
    def __init__(self, qtbot: QtBot, data_dir: Path, state: State | None = None, **files: str) -> None:
        self.folder = data_dir / "workflows"
        self.folder.mkdir()
        for name, text in files.items():
            (self.folder / f"{name}.yaml").write_text(text, "utf-8")
        self.engine = FakeEngine(data_dir)
        self.bridge = FakeBridge(self.engine)
        self.state = state or state_of((instance("a"), instance("b"), instance("c")))
        self.page = WorkflowPage(self.state, self.bridge)  # type: ignore[arg-type]
        qtbot.addWidget(self.page)
        self.page.resize(1000, 700)

    async def begin(self) -> WorkflowPage:
        self.page.show()
        await until(lambda: self.page.library.listed)
        return self.page

    async def settle(self) -> None:
        await until(lambda: not self.page._tasks.is_running("file"))

    def path(self, stem: str) -> str:
        return next(path for path in self.page.chooser.paths if Path(path).stem == stem)

    def button(self, text: str) -> QPushButton:
        return next(each for each in self.page.findChildren(QPushButton) if each.text() == text and each.isVisible())

    @property
    def told(self) -> str:
        banner = self.page.failure.banner
        return banner.accessibleName() if banner is not None else ""


async def test_own_and_shipped_workflows_can_be_chosen(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    page = await world.begin()
    texts = [page.chooser.itemText(at) for at in range(page.chooser.count())]
    assert texts == ["My workflows", "Mine", "Shipped with VastDesk", "ComfyUI set-up", "Custom nodes only"]
    assert [step.use.use for step in page.editor.model.steps] == ["test_ssh", "wait"]
    page.choose(world.path("custom-nodes"))
    assert [step.use.use for step in page.editor.model.steps] == ["install_custom_nodes"]
    assert not page.save.isVisible() and page.save_as.isEnabled()


async def test_changes_are_kept_per_workflow_until_they_are_saved_or_discarded(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    page = await world.begin()
    page.editor.model.move(0, 1)
    assert page.chooser.currentText() == "Mine (edited)" and page.save.isEnabled()
    page.choose(world.path("custom-nodes"))
    page.choose(world.path("mine"))
    assert [step.use.use for step in page.editor.model.steps] == ["wait", "test_ssh"]
    page._revert.trigger()
    assert [step.use.use for step in page.editor.model.steps] == ["test_ssh", "wait"]
    world.button("&Undo").click()
    assert [step.use.use for step in page.editor.model.steps] == ["wait", "test_ssh"]
    page.save.click()
    await until(lambda: not page.library.edited)
    saved = load_workflow((world.folder / "mine.yaml").read_bytes(), "mine", CATALOGUE)
    assert [step.use for step in saved.steps] == ["wait", "test_ssh"] and saved.description == "Every morning"


async def test_a_change_taken_back_by_hand_is_no_change(qtbot: QtBot, tmp_path: Path) -> None:
    page = await World(qtbot, tmp_path, mine=MINE).begin()
    for state in (Qt.CheckState.Unchecked, Qt.CheckState.Checked):
        page.editor.model.setData(page.editor.model.index(0), state, Qt.ItemDataRole.CheckStateRole)
    assert not page.library.edited


async def test_a_shipped_workflow_is_saved_as_ones_own(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path)
    page = await world.begin()
    page.choose(world.path("custom-nodes"))
    page.editor.add_step("wait")
    page.save_as.click()
    await until(lambda: [each for each in QApplication.topLevelWidgets() if isinstance(each, NameDialog)])
    (dialog,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, NameDialog)]
    dialog.name.setText("My own")
    dialog._save.click()
    await until(lambda: page.library.path == str(world.folder / "my-own.yaml"))
    assert page.chooser.currentText() == "My own" and not page.library.edited
    assert len(page.editor.model.steps) == 2


async def test_ones_own_is_deleted_and_comes_back(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    page = await world.begin()
    page._delete.trigger()
    await until(lambda: not (world.folder / "mine.yaml").exists())
    await until(lambda: page.undo.isVisible())
    world.button("&Undo").click()
    await until(lambda: page.chooser.currentText() == "Mine")
    assert (world.folder / "mine.yaml").read_text("utf-8") == MINE
    page.choose(world.path("custom-nodes"))
    assert not page._delete.isEnabled()


async def test_a_duplicate_gets_a_free_name(qtbot: QtBot, tmp_path: Path) -> None:
    page = await World(qtbot, tmp_path, mine=MINE).begin()
    page._duplicate.trigger()
    await until(lambda: page.chooser.currentText() == "Mine 2")


async def test_a_file_that_cannot_be_used_tells_each_problem_with_its_line(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, broken=BROKEN, mine=MINE)
    page = await world.begin()
    page.choose(world.path("broken"))
    assert [line for line, _ in page.problems.lines] == ["3", "5"]
    assert page.problems.isVisible() and not page.footer.run.isEnabled()
    (world.folder / "broken.yaml").write_text(MINE.replace("Mine", "Mended"), "utf-8")
    world.button("&Check again").click()
    await until(lambda: page.chooser.currentText() == "Mended")
    assert page.editor.isVisible()


async def test_a_removed_step_comes_back_where_it_was(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    page = await world.begin()
    page.editor.select(0)
    page.editor._on_remove()
    assert [step.use.use for step in page.editor.model.steps] == ["wait"]
    world.button("&Undo").click()
    assert [step.use.use for step in page.editor.model.steps] == ["test_ssh", "wait"]


async def test_files_are_imported_under_a_free_name(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    page = await world.begin()
    other = tmp_path / "elsewhere.yml"
    other.write_text(MINE, "utf-8")
    await page.import_file(str(other))
    assert page.chooser.currentText() == "Mine 2" and "Imported" in world.told
    other.write_text(
        "name: Old\nui_config: {setup_buttons: [{action: test_ssh}, {label: Fly, action: fly}]}\n", "utf-8"
    )
    await page.import_file(str(other))
    assert page.chooser.currentText() == "Old" and "Fly" in world.told
    other.write_text(BROKEN, "utf-8")
    await page.import_file(str(other))
    assert page.problems.isVisible() and page.problems.lines[0][0] == "3"


async def test_the_old_configuration_gives_its_pause_and_folder(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine="name: Mine\nsteps: [{use: set_ui_home}]\n")
    page = await world.begin()
    other = tmp_path / "config.yaml"
    other.write_text("workflow_step_delay: 7\nui_home_env: /opt/ComfyUI/\nmax_rows: 10\n", "utf-8")
    await page.import_file(str(other))
    assert world.engine.store.texts == {"step_delay": "7"}
    assert page.editor.delay_s == 7.0
    assert page.editor.model.steps[0].use.params["path"] == "/opt/ComfyUI"
    assert "max_rows" in world.told


async def test_a_workflow_is_exported_as_it_stands(qtbot: QtBot, tmp_path: Path) -> None:
    page = await World(qtbot, tmp_path, mine=MINE).begin()
    page.editor.model.move(0, 1)
    workflow = page._checked(all_steps=True)
    assert workflow is not None
    await page.library.export(workflow, str(tmp_path / "out.yaml"))
    read = load_workflow((tmp_path / "out.yaml").read_bytes(), "out", CATALOGUE)
    assert [step.use for step in read.steps] == ["wait", "test_ssh"]
    assert page.library.edited


# -- running -----------------------------------------------------------------------------------------------------------


async def test_run_starts_on_the_machine_and_tells_the_run(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    page = await world.begin()
    started: list[str] = []
    page.run_started.connect(started.append)
    assert not page.footer.run.isEnabled()
    page.open("b")
    page.editor.delay.set_value("step_delay", "0")
    page.footer.run.click()
    page.footer.run.click()
    await until(lambda: started)
    (request,) = world.engine.requests
    assert request.instance.id == "b" and request.run_id == started[0]
    assert request.workflow.step_delay_s == 0 and [step.use for step in request.workflow.steps] == ["test_ssh", "wait"]


async def test_a_busy_machine_offers_to_run_next_or_to_look(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    world.engine.busy["a"] = "r1"
    page = await world.begin()
    opened: list[str] = []
    started: list[str] = []
    page.run_opened.connect(opened.append)
    page.run_started.connect(started.append)
    page.open("a")
    page.footer.run.click()
    await until(lambda: "already on at a" in world.told)
    world.button("Open the run").click()
    assert opened == ["r1"]
    world.button("Run next").click()
    await until(lambda: started)
    assert [request.queue for request in world.engine.requests] == [False, True]
    assert len({request.run_id for request in world.engine.requests}) == 1


async def test_it_runs_on_several_machines_at_once(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    world.engine.busy["c"] = "r1"
    page = await world.begin()
    started: list[list[str]] = []
    page.runs_started.connect(started.append)
    page.open_many(["a", "b", "c", "gone", "a"])
    assert "3" in page.footer.run.text()
    page.footer.run.click()
    await until(lambda: started)
    assert len(started[0]) == 2
    assert "already on at c" in world.told


async def test_what_cannot_be_started_is_said_in_the_page(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    world.engine.errors["a"] = VastDeskError("bad_node_list", path="/x", detail="it is empty")
    page = await world.begin()
    page.open("a")
    page.footer.run.click()
    await until(lambda: "it is empty" in world.told)
    assert page.footer.run.isEnabled()


async def test_a_step_that_is_not_filled_in_is_shown_before_anything_runs(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    page = await world.begin()
    page.open("a")
    page.editor.add_step("run_command")
    page.editor.select(0)
    page.footer.run.click()
    assert "Run a command" in world.told and not world.engine.requests
    assert page.editor.view.currentIndex().row() == page.editor.first_problem(all_steps=True)
    assert page.pane.form is not None
    script = page.pane.form.editor("script")
    assert isinstance(script, QPlainTextEdit)
    at = page.editor.view.currentIndex()
    page.editor.model.setData(at, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    page.footer.run.click()  # what is switched off need not be right
    await until(lambda: world.engine.requests)


async def test_nothing_switched_on_is_not_run(qtbot: QtBot, tmp_path: Path) -> None:
    world = World(qtbot, tmp_path, mine=MINE)
    page = await world.begin()
    page.open("a")
    for at in range(2):
        index = page.editor.model.index(at)
        page.editor.model.setData(index, Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    page.footer.run.click()
    assert "at least one" in world.told and not world.engine.requests


async def test_a_run_that_is_on_there_is_said_beforehand(qtbot: QtBot, tmp_path: Path) -> None:
    state = state_of((instance("a"),), (head("r1", "a", "running", None),))
    page = await World(qtbot, tmp_path, state=state, mine=MINE).begin()
    opened: list[str] = []
    page.run_opened.connect(opened.append)
    page.open("a")
    assert page.footer.note.isVisible()
    page.footer.show_run.click()
    assert opened == ["r1"]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_hostile_names_are_text(qtbot: QtBot, tmp_path: Path, name: str) -> None:
    state = state_of((instance("a", name),))
    quoted = "".join(char for char in name if char.isprintable()).replace("'", "''") or "-"
    world = World(qtbot, tmp_path, state=state, odd=f"name: '{quoted}'\nsteps: [{{use: wait}}]\n")
    page = await world.begin()
    page.open("a")
    assert not page.grab().isNull()
    dialog = NameDialog(name, name, [name])
    qtbot.addWidget(dialog)


async def test_the_page_lets_go_of_the_state(qapp: QApplication, tmp_path: Path) -> None:
    state = state_of((instance("a"),))
    page = WorkflowPage(state, FakeBridge(FakeEngine(tmp_path)))  # type: ignore[arg-type]
    page.show()
    shiboken6.delete(page)
    state.instances_changed.emit()
    state.history_changed.emit()


def test_names_are_the_same_when_their_files_are() -> None:
    assert free_name("Mine", ["other"]) == "Mine"
    assert free_name("Mine", ["MINE", "mine-2"]) == "Mine 3"
    assert free_name("x" * 100, ["x" * 100]) == "x" * 94 + " 2"
