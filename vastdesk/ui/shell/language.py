"""The language of the window: `resources/translations/vastdesk_<language>.qm`, and Qt's own words beside it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from vastdesk.ui.shell.memory import LANGUAGES
from vastdesk.ui.theme.icons import icons_folder


def install_language(app: QCoreApplication, wanted: str) -> str:
    """Puts a language on before the first widget is made, and says which one it is; English where there is no other.
    English has a file too: the plural forms."""
    language = wanted if wanted in LANGUAGES else system_language()
    _install(app, f"vastdesk_{language}", str(icons_folder().parent / "translations"))
    if language != "en":
        _install(app, f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath))
    return language


def system_language() -> str:
    """The first of the person's languages that we speak."""
    for name in QLocale.system().uiLanguages():
        if name.partition("-")[0] in LANGUAGES:
            return name.partition("-")[0]
    return "en"


def _install(app: QCoreApplication, name: str, folder: str) -> None:
    translator = QTranslator(app)
    if translator.load(name, folder):
        app.installTranslator(translator)
