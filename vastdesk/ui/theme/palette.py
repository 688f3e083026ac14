"""The tokens as Qt's palette: what Fusion paints with where the style sheet says nothing."""

from __future__ import annotations

from PySide6.QtGui import QPalette

from vastdesk.ui.theme.tokens import ColourName, Tokens

_Role = QPalette.ColorRole
_Group = QPalette.ColorGroup

_ROLES: dict[QPalette.ColorRole, ColourName] = {
    _Role.Window: "window",
    _Role.WindowText: "text",
    _Role.Base: "surface",
    _Role.AlternateBase: "window",
    _Role.ToolTipBase: "raised",
    _Role.ToolTipText: "text",
    _Role.PlaceholderText: "muted",
    _Role.Text: "text",
    _Role.Button: "surface",
    _Role.ButtonText: "text",
    _Role.BrightText: "failed",
    _Role.Light: "raised",
    _Role.Midlight: "raised",
    _Role.Mid: "border",
    _Role.Dark: "border_strong",
    _Role.Shadow: "border_strong",
    _Role.Highlight: "selected",
    _Role.HighlightedText: "text",
    _Role.Accent: "accent",
    _Role.Link: "accent_text",
    _Role.LinkVisited: "accent_text",
}
_FADED = (_Role.WindowText, _Role.Text, _Role.ButtonText, _Role.HighlightedText, _Role.PlaceholderText)


def palette_of(tokens: Tokens) -> QPalette:
    """Complete, so that nothing of the desktop's own palette shines through."""
    palette = QPalette()
    for role, name in _ROLES.items():
        palette.setColor(role, tokens.colour(name))
    for role in _FADED:
        palette.setColor(_Group.Disabled, role, tokens.colour("disabled"))
    return palette
