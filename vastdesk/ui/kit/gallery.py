"""Every piece of the kit in one window, to look at: `python -m vastdesk.ui.kit.gallery [--mode dark]`.

With `--shot FILE` it saves a picture of itself and ends. The golden pictures of the tests are made of it too.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import get_args

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from vastdesk.domain.durations import parse_duration
from vastdesk.ui.kit import (
    KNOWN_STATES,
    Banner,
    ConfirmDialog,
    CopyButton,
    ElidedLabel,
    EmptyState,
    Fact,
    Field,
    FormView,
    KeyValueList,
    PlainTextLog,
    ProgressRing,
    SearchField,
    SectionHeader,
    SplitView,
    StateBadge,
    TextLabel,
    UndoBar,
    icon_button,
    push_button,
)
from vastdesk.ui.theme import Mode, Theme, app_icon, icon_names, space

SIZE = QSize(1280, 800)


class Gallery(QWidget):
    """All pieces on cards, in three columns."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("VastDesk: the kit")
        self.setWindowIcon(app_icon())
        self.undo = UndoBar()
        self.log = PlainTextLog("Output of Install custom nodes")
        split = SplitView("gallery", _Nowhere(), (215, 212, 209))
        split.addWidget(_column(self._buttons(), self._states(), self._icons(), stretch=True))
        split.addWidget(_column(self._form(), self._empty(), stretch=True))
        split.addWidget(_column(self._messages(), self._facts(), self._output()))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(split)

    def _buttons(self) -> QFrame:
        rows = QVBoxLayout()
        kinds = QHBoxLayout()
        for button in (
            push_button("Run", "primary", "run"),
            push_button("Run next", "normal", "queue"),
            push_button("Remove", "danger", "remove"),
            push_button("Show all", "quiet"),
        ):
            kinds.addWidget(button)
        kinds.addStretch(1)
        rows.addLayout(kinds)
        more = QHBoxLayout()
        off = push_button("Retry failed", "normal", "retry")
        off.setEnabled(False)
        off_primary = push_button("Resume", "primary", "resume")
        off_primary.setEnabled(False)
        chosen = icon_button("filter", "Filter", checkable=True)
        chosen.setChecked(True)
        for widget in (off, off_primary, icon_button("settings", "Settings"), icon_button("more", "More"), chosen):
            more.addWidget(widget)
        more.addWidget(CopyButton("Copy the command", "vastdesk run comfyui-setup"))
        more.addStretch(1)
        rows.addLayout(more)
        self.search = SearchField("Filter instances")
        self.search.setText("box")
        self.search.set_count(3, 12)
        rows.addWidget(self.search)
        return _card("Buttons and search", rows)

    def _states(self) -> QFrame:
        rows = QVBoxLayout()
        grid = QGridLayout()
        grid.setHorizontalSpacing(space(2))
        grid.setVerticalSpacing(space(2))
        for at, state in enumerate(KNOWN_STATES):
            grid.addWidget(StateBadge(state), at // 3, at % 3)
        grid.setColumnStretch(3, 1)
        rows.addLayout(grid)
        rings = QHBoxLayout()
        for percent, state in ((None, "connecting"), (8, "running"), (42, "running"), (66, "failed")):
            ring = ProgressRing("Progress", 6)
            ring.set_percent(percent)
            ring.set_state(state)
            rings.addWidget(ring)
        big = ProgressRing("Progress of box-1", 14)
        big.set_percent(42)
        rings.addWidget(big)
        rings.addStretch(1)
        rows.addLayout(rings)
        return _card("States and progress", rows)

    def _icons(self) -> QFrame:
        grid = QGridLayout()
        grid.setSpacing(space(1))
        for at, name in enumerate(icon_names()):
            button = icon_button(name, name, colour="text")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            grid.addWidget(button, at // 11, at % 11)
        grid.setColumnStretch(11, 1)
        return _card("Icons", grid)

    def _form(self) -> QFrame:
        self.form = FormView(_example_fields())
        self.form.set_value("parallel", "9")
        box = QVBoxLayout()
        box.addWidget(self.form)
        return _card("Install custom nodes", box)

    def _empty(self) -> QFrame:
        empty = EmptyState("machine", "No machines yet", "Add one you rent, or try everything on this computer first.")
        empty.add_action("Add a machine", self._nothing, "primary", "add")
        empty.add_action("Try it here", self._nothing, icon_name="practice")
        box = QVBoxLayout()
        box.addWidget(empty)
        return _card("", box)

    def _messages(self) -> QFrame:
        rows = QVBoxLayout()
        rows.setSpacing(space(2))
        for kind, text, action in (
            ("info", "A run started on the command line is shown here too.", ""),
            ("warning", "Connection lost: the work goes on, reconnecting in 4 s.", "Try now"),
            ("error", "The host key of box-1 has changed; nothing was sent.", "Compare keys"),
        ):
            banner = Banner(kind, text, closable=not action)  # type: ignore[arg-type]
            if action:
                banner.add_action(action, self._nothing)
            rows.addWidget(banner)
        rows.addWidget(self.undo)
        self.undo.offer("Removed box-2 <b>and its history</b>.", "box-2")
        return _card("Messages", rows)

    def _facts(self) -> QFrame:
        facts = KeyValueList(
            [
                Fact("State", "running, 6 of 9 steps"),
                Fact("Address", "ssh -p 41022 root@203.0.113.7", copyable=True, mono=True),
                Fact("Host key", "SHA256:Jx1fVnYc0v7Yl3n3Kq2v8m5uQyT0bW4rZ9pE6aD1sXg", copyable=True, mono=True),
                Fact("ComfyUI", "/workspace/a/very/long/path/that/does/not/fit/into/this/pane/at/all/ComfyUI"),
            ]
        )
        box = QVBoxLayout()
        box.addWidget(facts)
        names = QHBoxLayout()
        names.addWidget(ElidedLabel("<img src=x> & friends: שלום", Qt.TextElideMode.ElideRight, colour="muted"), 1)
        names.addWidget(TextLabel("12:04", "caption", kind="muted"))
        box.addLayout(names)
        return _card("Facts", box)

    def _output(self) -> QFrame:
        self.log.append_text("\x1b[32mCloning into 'ComfyUI-KJNodes'...\x1b[0m\n")
        self.log.append_lines(f"Collecting package-{number}=={number}.0.1" for number in range(40))
        self.log.append_text("Downloading 10%\rDownloading 42%\r")
        self.log.setMinimumHeight(space(40))
        box = QVBoxLayout()
        box.addWidget(self.log)
        card = _card("Output", box)
        card.setProperty("grows", True)
        return card

    def _nothing(self) -> None:
        """Buttons here only show themselves."""


class _Nowhere:
    """Remembers nothing."""

    def read(self, key: str) -> str | None:
        return None

    def write(self, key: str, value: str) -> None:
        pass


def example_dialog(parent: QWidget | None = None) -> ConfirmDialog:
    return ConfirmDialog(
        "Destroy box-1?",
        "Its disk is deleted at Vast.ai, with 14.2 GiB of models on it. This cannot be undone.",
        "Destroy",
        details="instance 2981734\nRTX 4090, 0.34 $/h\n/workspace 14.2 GiB",
        parent=parent,
    )


def _example_fields() -> tuple[Field, ...]:
    return (
        Field("source", "choice", "Source", str, "list", "Where the nodes come from.", ("list", "repository")),
        Field("nodes", "node_list", "Node list", str, "default", "default, a file, or git+URL."),
        Field("folder", "path", "Folder", str, "/workspace/ComfyUI"),
        Field("parallel", "int", "Clones at once", _up_to_four, 4, "From 1 to 4.", minimum=1, maximum=4),
        Field("retry_wait", "duration", "Wait before a new try", _seconds, 90.0, "Doubles with each further try."),
        Field(
            "only", "list", "Only these nodes", _same, ["KJNodes", "rgthree-comfy"], "One name per line; empty: all."
        ),
        Field("update", "bool", "Update what is there already", bool, True),
        Field("script", "script", "Afterwards", str, "cd /workspace/ComfyUI\npython -m pip check\n"),
    )


def _same(raw: object) -> object:
    return raw


def _up_to_four(raw: object) -> object:
    if not 1 <= int(str(raw)) <= 4:
        raise ValueError(f"is at most 4, not {raw}")
    return int(str(raw))


def _seconds(raw: object) -> object:
    return parse_duration(raw)


def _card(title: str, content: QLayout) -> QFrame:
    card = QFrame()
    card.setProperty("kind", "card")
    column = QVBoxLayout(card)
    column.setContentsMargins(space(3), space(3), space(3), space(3))
    column.setSpacing(space(2))
    if title:
        column.addWidget(SectionHeader(title))
    column.addLayout(content)
    return card


def _column(*cards: QFrame, stretch: bool = False) -> QScrollArea:
    page = QWidget()
    page.setProperty("kind", "page")
    column = QVBoxLayout(page)
    column.setContentsMargins(space(2), space(2), space(2), space(2))
    column.setSpacing(space(2))
    for card in cards:
        column.addWidget(card, 1 if card.property("grows") else 0)
    if stretch:
        column.addStretch(1)
    area = QScrollArea()
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m vastdesk.ui.kit.gallery", description=__doc__)
    parser.add_argument("--mode", choices=get_args(Mode), default="system")
    parser.add_argument("--shot", metavar="FILE", help="save a picture and end")
    parser.add_argument("--dialog", action="store_true", help="with the dialog open")
    chosen = parser.parse_args(arguments)
    from vastdesk.ui.loop import WindowLoop

    app = QApplication(sys.argv[:1])
    Theme(app, chosen.mode)
    with asyncio.Runner(loop_factory=lambda: WindowLoop(app)) as runner:
        runner.run(_show(app, chosen.dialog, chosen.shot))
    return 0


async def _show(app: QApplication, with_dialog: bool, shot: str | None) -> None:
    app.setQuitOnLastWindowClosed(False)
    closed = asyncio.Event()
    app.lastWindowClosed.connect(closed.set)
    gallery = Gallery()
    gallery.resize(SIZE)
    gallery.show()
    if with_dialog:
        example_dialog(gallery).open()
    if shot is None:
        await closed.wait()
    else:
        await asyncio.sleep(1)
        gallery.grab().save(shot)


if __name__ == "__main__":
    raise SystemExit(main())
