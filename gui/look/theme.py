"""Colours, spacing, fonts and icons: every view takes them from here, and nothing is coloured anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

from PySide6.QtCore import QByteArray, QObject, QPoint, QRect, QRectF, QSize, Qt, QTemporaryDir, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from gui.look.stylesheet import STYLESHEET

HALF, GAP, PAD, WIDE = 4, 8, 16, 24  # pixels: inside a control, between controls, around a panel, between groups
RADIUS = 6
BODY, CAPTION, TITLE = 13, 11, 15  # pixels


@dataclass(frozen=True)
class Palette:
    """The tokens of one scheme."""

    window: str
    panel: str
    canvas: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    good: str
    warning: str
    bad: str


LIGHT = Palette(
    window="#F5F5F7", panel="#FFFFFF", canvas="#E9E9ED", line="#D7D7DD", text="#1B1B1F", muted="#5A5A66",
    accent="#3B5BDB", on_accent="#FFFFFF", good="#1E7B3A", warning="#8A5A00", bad="#B3261E",
)  # fmt: skip
DARK = Palette(
    window="#17171B", panel="#1F1F25", canvas="#101013", line="#34343D", text="#ECECF1", muted="#A3A3B2",
    accent="#8DA2FF", on_accent="#10121C", good="#6FD08C", warning="#F0B84A", bad="#FF8A80",
)  # fmt: skip


class Theme(QObject):
    """The scheme in use. `changed` comes after a switch, for what is painted by hand."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: str = "system") -> None:
        super().__init__()
        self._app = app
        self._choice = choice
        self._drawn = QTemporaryDir()  # tinted icons that the stylesheet names
        self.palette = LIGHT
        app.setStyle("Fusion")
        font = app.font()
        font.setPixelSize(BODY)
        app.setFont(font)
        self.choose(choice)
        app.styleHints().colorSchemeChanged.connect(self._follow)

    def choose(self, choice: str) -> None:
        """ "system", "light" or "dark"."""
        self._choice = choice
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        self._app.styleHints().setColorScheme(schemes.get(choice, Qt.ColorScheme.Unknown))
        self._follow()

    @contextmanager
    def undressed(self) -> Iterator[None]:
        """Has a window built without the stylesheet, which then comes over the whole of it: with it, whatever is put into
        another widget is styled once more, down to its last label.
        """
        self._app.setStyleSheet("")
        try:
            yield
        finally:
            self._app.setStyleSheet(self._stylesheet())

    @property
    def dark(self) -> bool:
        return self.palette is DARK

    def color(self, token: str) -> QColor:
        """Returns a token of the scheme in use."""
        return QColor(getattr(self.palette, token))

    def icon(self, name: str, token: str = "text") -> QIcon:
        """Returns an icon of resources/icons, drawn in the token's colour of whatever scheme is in use; muted when disabled."""
        return QIcon(_TintedIcon(name, token, self))

    def _follow(self) -> None:
        # Where the platform cannot switch, as offscreen, the choice itself decides.
        asked = self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        self.palette = {"light": LIGHT, "dark": DARK}.get(self._choice, DARK if asked else LIGHT)
        if self._app.styleSheet() == self._stylesheet():
            return  # a full window takes a second or two to be styled
        self._app.setPalette(_qt_palette(self.palette))
        self._app.setStyleSheet(self._stylesheet())
        self.changed.emit()

    def _stylesheet(self) -> str:
        values = {**asdict(self.palette), "radius": RADIUS, "caption": CAPTION, "title": TITLE, "body": BODY}
        values["passed"] = "add-page" if self._app.layoutDirection() == Qt.LayoutDirection.RightToLeft else "sub-page"
        scheme = "dark" if self.dark else "light"
        for name, token in _STYLED_ICONS:
            path = Path(self._drawn.path()) / f"{name}-{token}-{scheme}.svg"
            if not path.exists():
                path.write_bytes(tinted(name, getattr(self.palette, token)))
            values[f"icon_{name.replace('-', '_')}_{token}"] = path.as_posix()
        return Template(STYLESHEET).substitute(values)


_STYLED_ICONS = (("chevron-down", "muted"), ("check", "on_accent"), ("minus", "on_accent"))


def spaced_font(font: QFont) -> QFont:
    """Returns the font with figures of equal width, for numbers that change while one looks at them."""
    font = QFont(font)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def set_kind(widget: QWidget, kind: str) -> None:
    """Gives a widget one of the stylesheet's kinds, such as "accent", "quiet", "title", "caption" or "fault"."""
    if widget.property("kind") != kind:
        widget.setProperty("kind", kind)
        if widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):  # another is dressed when it is first shown
            widget.style().unpolish(widget)
            widget.style().polish(widget)


def icon_names() -> list[str]:
    """Returns what `Theme.icon` takes."""
    return sorted(path.name.removesuffix(".svg") for path in _folder().iterdir() if path.name.endswith(".svg"))


@cache
def _source(name: str) -> str:
    return (_folder() / f"{name}.svg").read_text("utf-8")


@cache
def _folder() -> Path:
    return Path(str(files("sdedge.resources"))) / "icons"


def tinted(name: str, color: str) -> bytes:
    """Returns an icon's SVG in one colour."""
    return _source(name).replace("currentColor", color).encode()


class _TintedIcon(QIconEngine):
    """Draws an SVG at the size and density asked for, in the colour the theme has at that moment."""

    def __init__(self, name: str, token: str, theme: Theme) -> None:
        super().__init__()
        self._name, self._token, self._theme = name, token, theme

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        token = "muted" if mode == QIcon.Mode.Disabled else self._token
        color = self._theme.color(token).name()
        side = min(rect.width(), rect.height())
        target = QRectF(rect.x() + (rect.width() - side) / 2, rect.y() + (rect.height() - side) / 2, side, side)
        QSvgRenderer(QByteArray(tinted(self._name, color))).render(painter, target)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _TintedIcon(self._name, self._token, self._theme)


def _qt_palette(tokens: Palette) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for roles, color in (
        ((role.Window,), tokens.window),
        ((role.Base, role.Button, role.ToolTipBase), tokens.panel),
        ((role.AlternateBase,), tokens.canvas),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), tokens.text),
        ((role.PlaceholderText,), tokens.muted),
        ((role.Highlight, role.Link, role.Accent), tokens.accent),
        ((role.HighlightedText,), tokens.on_accent),
        ((role.Mid, role.Midlight, role.Light, role.Dark), tokens.line),
    ):
        for color_role in roles:
            palette.setColor(color_role, QColor(color))
    for color_role in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, color_role, QColor(tokens.muted))
    return palette


def plain_button(label: str, work: Callable[[], object]) -> QPushButton:
    """Returns a button with words."""
    button = QPushButton(label)
    button.clicked.connect(lambda checked=False: work())
    return button
