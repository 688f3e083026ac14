"""The style sheet, made from the tokens and the distances. Small on purpose: what a palette can say is said there.

Kinds are properties: `button.setProperty("kind", "primary")`; the kit sets them.
"""

from __future__ import annotations

from string import Template

from vastdesk.ui.theme.scale import radius, space
from vastdesk.ui.theme.tokens import Tokens, mix

_SHEET = Template("""
QWidget { outline: none; }
QToolTip { background: $raised; color: $text; border: 1px solid $border_strong; padding: ${s1}px; }

QPushButton { background: $surface; color: $text; border: 1px solid $border_strong; border-radius: ${r}px;
  padding: ${s1}px ${s3}px; min-height: ${s5}px; }
QPushButton:hover { background: $raised; }
QPushButton:pressed, QPushButton:checked { background: $selected; }
QPushButton:focus { border-color: $accent_text; }
QPushButton:disabled { color: $disabled; border-color: $border; background: $window; }
QPushButton[kind="primary"] { background: $accent; color: $on_accent; border-color: $accent; }
QPushButton[kind="primary"]:hover { background: $accent_hover; }
QPushButton[kind="primary"]:pressed { background: $accent_pressed; }
QPushButton[kind="danger"] { background: $danger; color: $on_accent; border-color: $danger; }
QPushButton[kind="danger"]:hover { background: $danger_hover; }
QPushButton[kind="danger"]:pressed { background: $danger_pressed; }
QPushButton[kind="primary"]:focus, QPushButton[kind="danger"]:focus { border: 2px solid $text;
  padding: ${s1m}px ${s3m}px; }
QPushButton[kind="primary"]:disabled, QPushButton[kind="danger"]:disabled { background: $raised; color: $disabled;
  border-color: $border; }
QPushButton[kind="quiet"] { background: transparent; border-color: transparent; color: $accent_text; }
QPushButton[kind="quiet"]:hover { background: $raised; }
QPushButton[kind="quiet"]:focus { border-color: $accent_text; }
QPushButton[kind="quiet"]:disabled { color: $disabled; }

QToolButton { background: transparent; color: $text; border: 1px solid transparent; border-radius: ${r}px;
  padding: ${s1}px; }
QToolButton:hover { background: $raised; }
QToolButton:pressed, QToolButton:checked { background: $selected; }
QToolButton:focus { border-color: $accent_text; }
QToolButton:disabled { color: $disabled; }
QToolButton[kind="compact"] { padding: 1px; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit[kind="field"], QTextEdit[kind="field"] { background: $surface;
  color: $text; border: 1px solid $border_strong; border-radius: ${r}px; padding: ${s1m}px ${s2}px;
  selection-background-color: $accent; selection-color: $on_accent; }
QLineEdit, QComboBox, QAbstractSpinBox { min-height: ${s5}px; }
QLineEdit[kind="search"] { padding-left: 0; }
QPlainTextEdit[kind="field"] { padding: ${s1}px; }
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus, QPlainTextEdit[kind="field"]:focus {
  border-color: $accent_text; }
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled, QPlainTextEdit[kind="field"]:disabled {
  color: $disabled; background: $window; border-color: $border; }
QLineEdit[invalid="true"], QComboBox[invalid="true"], QPlainTextEdit[invalid="true"] { border-color: $failed; }
QComboBox::drop-down { border: none; width: ${s6}px; }
QComboBox::down-arrow { image: url(icons:fixed/arrow-down.svg); width: ${s3}px; height: ${s3}px; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $border_strong; padding: ${s1}px; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button { border: none;
  background: transparent; width: ${s5}px; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url(icons:fixed/arrow-up.svg); width: ${s2}px; height: ${s2}px; }
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {
  image: url(icons:fixed/arrow-down.svg); width: ${s2}px; height: ${s2}px; }

QCheckBox, QRadioButton { spacing: ${s2}px; color: $text; border: 1px solid transparent; border-radius: ${r}px;
  padding: ${s1m}px ${s1m}px ${s1m}px 0; }
QCheckBox:focus, QRadioButton:focus { border-color: $accent_text; }
QCheckBox:disabled, QRadioButton:disabled { color: $disabled; }
QCheckBox::indicator, QRadioButton::indicator { width: ${s4}px; height: ${s4}px; border: 1px solid $border_strong;
  background: $surface; }
QCheckBox::indicator { border-radius: ${s1}px; }
QRadioButton::indicator { border-radius: ${s2}px; }
QCheckBox::indicator:checked, QCheckBox::indicator:indeterminate { background: $accent; border-color: $accent; }
QCheckBox::indicator:checked { image: url(icons:fixed/check.svg); }
QCheckBox::indicator:indeterminate { image: url(icons:fixed/dash.svg); }
QRadioButton::indicator:checked { background: $on_accent; border: ${s1}px solid $accent; width: ${s2}px;
  height: ${s2}px; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { background: $raised; border-color: $border; }

QMenuBar { background: $window; color: $text; border-bottom: 1px solid $border; }
QMenuBar::item { padding: ${s1}px ${s2}px; background: transparent; }
QMenuBar::item:selected { background: $raised; border-radius: ${r}px; }
QMenu { background: $surface; color: $text; border: 1px solid $border_strong; padding: ${s1}px; }
QMenu::item { padding: ${s1}px ${s6}px ${s1}px ${s2}px; border-radius: ${r}px; }
QMenu::item:selected { background: $selected; }
QMenu::item:disabled { color: $disabled; }
QMenu::icon { padding-left: ${s1}px; }
QMenu::separator { height: 1px; background: $border; margin: ${s1}px 0; }

QAbstractScrollArea { background: $surface; color: $text; border: none; }
QScrollArea, QScrollArea > QWidget > QWidget[kind="page"] { background: transparent; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { background: $surface; color: $muted; border: none; border-bottom: 1px solid $border;
  padding: ${s1}px ${s2}px; font-weight: normal; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: ${s3}px; }
QScrollBar:horizontal { height: ${s3}px; }
QScrollBar::handle { background: $handle; border-radius: ${s1}px; margin: 2px; }
QScrollBar::handle:vertical { min-height: ${s8}px; }
QScrollBar::handle:horizontal { min-width: ${s8}px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QTabBar { background: transparent; }
QTabBar::tab { background: transparent; color: $muted; padding: ${s2}px ${s3}px; border: none;
  border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: $text; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:focus { background: $raised; }
QTabWidget::pane { border: none; border-top: 1px solid $border; }

QSplitter::handle { background: $border; }
QSplitter::handle:hover { background: $accent; }
QStatusBar { background: $window; color: $muted; border-top: 1px solid $border; }
QStatusBar::item { border: none; }
QProgressBar[kind="bar"] { background: $raised; border: none; border-radius: ${s1h}px; height: ${s1}px;
  max-height: ${s1}px; }
QProgressBar[kind="bar"]::chunk { background: $accent; border-radius: ${s1h}px; }

QFrame[kind="card"] { background: $surface; border: 1px solid $border; border-radius: ${r2}px; }
QFrame[kind="line"] { background: $border; border: none; max-height: 1px; min-height: 1px; }
QFrame[kind="info"] { background: $info_ground; border: 1px solid $info_line; border-radius: ${r}px; }
QFrame[kind="warning"] { background: $warning_ground; border: 1px solid $warning_line; border-radius: ${r}px; }
QFrame[kind="error"] { background: $error_ground; border: 1px solid $error_line; border-radius: ${r}px; }
QFrame[kind="undo"] { background: $raised; border: 1px solid $border_strong; border-radius: ${r}px; }
QLabel[kind="muted"] { color: $muted; }
QLabel[kind="muted"]:disabled { color: $disabled; }
QLabel[kind="problem"] { color: $failed; }
QPlainTextEdit[kind="log"] { background: $sunken; color: $text; border: none;
  selection-background-color: $accent; selection-color: $on_accent; }
QDialog { background: $surface; }
""")


def style_sheet(tokens: Tokens) -> str:
    """The whole sheet in the colours of `tokens`, at the size of the application's font."""
    names = {name: str(getattr(tokens, name)) for name in tokens.__slots__}
    for kind, state in (("info", "running"), ("warning", "waiting"), ("error", "failed")):
        names[f"{kind}_ground"] = mix(tokens.surface, names[state], 0.08)
        names[f"{kind}_line"] = mix(tokens.surface, names[state], 0.35)
    names["handle"] = mix(tokens.surface, tokens.muted, 0.45)
    sizes = {f"s{count}": space(count) for count in (1, 2, 3, 4, 5, 6, 8)}
    sizes |= {
        "s1m": max(1, space(1) - 1),
        "s3m": space(3) - 1,
        "s1h": max(1, space(1) // 2),
        "r": radius(),
        "r2": space(2),
    }
    return _SHEET.substitute(names, **{name: str(size) for name, size in sizes.items()})
