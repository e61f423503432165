"""Every action of the app, declared once: menus, shortcuts, buttons and the help page are made from this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QMenu, QMenuBar, QToolButton, QWidget

from gui.languages.texts import mark, tr
from gui.look.plain import set_tooltip
from gui.look.theme import Theme, set_kind
from gui.shell.keys import sequences


@dataclass(frozen=True)
class Spec:
    """One action. `keys` are portable sequences ("Ctrl" is Cmd on a Mac) or a standard key; `menu` is its menu's key."""

    id: str
    text: str
    menu: str
    keys: tuple[str, ...] = ()
    standard: QKeySequence.StandardKey | None = None
    icon: str = ""
    checkable: bool = False
    separated: bool = False
    """A line above it in the menu."""
    role: QAction.MenuRole = QAction.MenuRole.NoRole
    view: str = ""
    """The only view in which its keys mean this; in the others they are free for what has the focus."""
    local: bool = False
    """Its keys work only where the focus is on a widget that it was added to."""


MENUS = {
    "file": mark("&File"),
    "edit": mark("&Edit"),
    "picture": mark("&Picture"),
    "queue": mark("&Queue"),
    "view": mark("&View"),
    "help": mark("&Help"),
}

Key = QKeySequence.StandardKey

ACTIONS = (
    Spec("new-picture", mark("&New Picture"), "file", standard=Key.New, icon="plus"),
    Spec("open", mark("&Open Picture…"), "file", standard=Key.Open, icon="image"),
    Spec("open-folder", mark("Show Pictures &Folder"), "file", icon="folder"),
    Spec("export-everything", mark("Export &Everything…"), "file", separated=True),
    Spec("read-backup", mark("Read a &Backup…"), "file"),
    Spec("settings", mark("&Settings…"), "file", ("Ctrl+,",), icon="settings", separated=True,
         role=QAction.MenuRole.PreferencesRole),
    Spec("quit", mark("&Quit"), "file", standard=Key.Quit, separated=True,
         role=QAction.MenuRole.QuitRole),
    Spec("generate", mark("&Generate"), "picture", ("Ctrl+Return", "Ctrl+Enter"), icon="create"),
    Spec("undo", mark("&Undo"), "edit", standard=Key.Undo, icon="undo"),
    Spec("redo", mark("&Redo"), "edit", standard=Key.Redo, icon="redo"),
    Spec("cut", mark("Cu&t"), "edit", standard=Key.Cut, separated=True),
    Spec("copy", mark("&Copy"), "edit", standard=Key.Copy),
    Spec("paste", mark("&Paste"), "edit", standard=Key.Paste),
    Spec("select-all", mark("Select &All"), "edit", standard=Key.SelectAll),
    Spec("weigh-more", mark("&More Weight on the Word"), "edit", ("Ctrl+Up",),
         separated=True),
    Spec("weigh-less", mark("&Less Weight on the Word"), "edit", ("Ctrl+Down",)),
    Spec("history", mark("Prompt &History…"), "edit", ("Ctrl+H",), icon="history",
         separated=True),
    Spec("clear-prompt", mark("Clear the Pr&ompt"), "edit", ("Ctrl+Shift+Backspace",)),
    Spec("random-seed", mark("&Random Seed"), "picture", ("Ctrl+R",), icon="dice"),
    Spec("lock-seed", mark("&Keep the Seed"), "picture", ("Ctrl+Shift+R",), icon="lock",
         checkable=True),
    Spec("swap-size", mark("S&wap Width and Height"), "picture", ("Ctrl+Shift+W",), icon="swap"),
    Spec("use-settings", mark("&Use These Settings"), "picture", ("Ctrl+U",), icon="create",
         separated=True),
    Spec("use-seed", mark("Use This Se&ed"), "picture", ("Ctrl+Shift+U",), icon="dice"),
    Spec("vary", mark("&Vary"), "picture", ("Ctrl+Shift+V",), icon="vary"),
    Spec("edit-picture", mark("Start From T&his Picture"), "picture", ("Ctrl+E",), icon="image"),
    Spec("paint-picture", mark("&Paint a Part Anew"), "picture", ("Ctrl+Shift+E",), icon="brush"),
    Spec("enlarge", mark("En&large…"), "picture", ("Ctrl+L",), icon="enlarge"),
    Spec("copy-picture", mark("Copy the P&icture"), "picture", icon="copy"),
    Spec("copy-prompt", mark("Cop&y the Prompt"), "picture", ("Ctrl+Shift+C",)),
    Spec("save-as", mark("&Save a Copy…"), "picture", ("Ctrl+Shift+S",), icon="save"),
    Spec("export", mark("E&xport…"), "picture", ("Ctrl+Shift+X",), icon="export"),
    Spec("board", mark("&Boards…"), "picture", ("Ctrl+Shift+B",), icon="board"),
    Spec("model-picture", mark("Picture of Its M&odel"), "picture", icon="models"),
    Spec("compare", mark("Co&mpare Two Pictures"), "picture", ("Ctrl+Shift+M",),
         icon="before-after"),
    Spec("information", mark("I&nformation"), "picture", ("Ctrl+Shift+I",), icon="info"),
    Spec("favourite", mark("&Favourite"), "picture", ("Ctrl+D",), icon="star", checkable=True),
    Spec("reveal", mark("Show in Fol&der"), "picture", ("Ctrl+Shift+D",), icon="folder"),
    Spec("trash", mark("Move to &Trash"), "picture", ("Del",), icon="trash", local=True),
    Spec("cancel", mark("&Cancel the Picture"), "queue", ("Esc",), icon="stop", view="create"),
    Spec("cancel-after", mark("End &After This Picture"), "queue", ("Shift+Esc",),
         view="create"),
    Spec("pause-queue", mark("&Pause the Queue"), "queue", ("Ctrl+P",), icon="pause",
         checkable=True, separated=True),
    Spec("clear-queue", mark("&Forget Finished Jobs"), "queue"),
    Spec("view-create", mark("&Create"), "view", ("Ctrl+1",), icon="create", checkable=True),
    Spec("view-gallery", mark("&Gallery"), "view", ("Ctrl+2",), icon="gallery", checkable=True),
    Spec("view-models", mark("&Models"), "view", ("Ctrl+3",), icon="models", checkable=True),
    Spec("view-convert", mark("Con&vert"), "view", ("Ctrl+4",), icon="convert", checkable=True),
    Spec("view-get", mark("Ge&t Models"), "view", ("Ctrl+5",), icon="save", checkable=True),
    Spec("zoom-in", mark("Zoom &In"), "view", standard=Key.ZoomIn, icon="zoom-in",
         separated=True),
    Spec("zoom-out", mark("Zoom &Out"), "view", standard=Key.ZoomOut, icon="zoom-out"),
    Spec("zoom-fit", mark("&Fit the Window"), "view", ("Ctrl+0",), icon="fit"),
    Spec("zoom-actual", mark("&Actual Size"), "view", ("Ctrl+Shift+0",), icon="actual"),
    Spec("before-after", mark("&Before and After"), "view", ("Ctrl+B",), icon="before-after",
         checkable=True),
    Spec("side-column", mark("&Queue and Recent Pictures"), "view", ("F9",), icon="sidebar",
         checkable=True, separated=True),
    Spec("device", mark("&Device and Memory…"), "view", ("Ctrl+I",), icon="memory"),
    Spec("full-screen", mark("F&ull Screen"), "view", standard=Key.FullScreen, checkable=True),
    Spec("shortcuts", mark("&Keyboard Shortcuts"), "help", ("F1",), icon="help"),
    Spec("show-log", mark("Show the &Log"), "help"),
    Spec("about", mark("&About sdedge"), "help", separated=True, role=QAction.MenuRole.AboutRole),
)  # fmt: skip


class Actions(QObject):
    """The QActions of the list. Views say what an action does with `bind`; until then it is disabled."""

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self._made: dict[str, QAction] = {}
        for spec in ACTIONS:
            action = QAction(tr(spec.text), parent)
            action.setObjectName(spec.id)
            action.setShortcuts(_sequences(spec))
            set_tooltip(action, _with_keys(plain(action.text()), self.keys(spec)))  # its buttons take it over
            action.setCheckable(spec.checkable)
            action.setMenuRole(spec.role)
            action.setEnabled(False)
            if spec.icon:
                action.setIcon(theme.icon(spec.icon))
                action.setIconVisibleInMenu(False)
            if spec.local:
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            else:
                parent.addAction(action)
            self._made[spec.id] = action

    def __getitem__(self, id: str) -> QAction:
        return self._made[id]

    @staticmethod
    def keys(spec: Spec) -> QKeySequence:
        """Returns the first of its shortcuts, in whichever view they work; empty when it has none."""
        return next(iter(_sequences(spec)), QKeySequence())

    def enter(self, view: str) -> None:
        """Gives their keys to the actions of this view, and takes them from those of the others."""
        for spec in ACTIONS:
            if spec.view:
                self._made[spec.id].setShortcuts(_sequences(spec) if spec.view == view else [])

    def bind(self, id: str, work: Callable[[], object]) -> None:
        """Says what happens when the action is triggered; a checkable one is asked for its state by `work`."""
        self._made[id].triggered.connect(lambda checked=False: work())
        self._made[id].setEnabled(True)

    def follow(self, id: str, work: Callable[[bool], object]) -> None:
        """Says what happens whenever a checkable action is switched, by whomever."""
        self._made[id].toggled.connect(work)
        self._made[id].setEnabled(True)

    def fill(self, bar: QMenuBar) -> None:
        """Fills all menus, in the order of the list."""
        for key, title in MENUS.items():
            menu: QMenu = bar.addMenu(tr(title))
            for spec in (spec for spec in ACTIONS if spec.menu == key):
                if spec.separated:
                    menu.addSeparator()
                menu.addAction(self._made[spec.id])

    def button(self, id: str, kind: str = "quiet") -> QToolButton:
        """Returns a button for an action: its icon alone, named for screen readers, the shortcut in its tooltip."""
        action, button = self._made[id], QToolButton()
        button.setDefaultAction(action)
        button.setFocusPolicy(button.focusPolicy() | button.focusPolicy().TabFocus)
        set_kind(button, kind)
        name_button(button, plain(action.text()), action.shortcut())
        if action.isCheckable():
            carry_out(action, button)
        return button


def _sequences(spec: Spec) -> list[QKeySequence]:
    return sequences(spec.id, spec.keys, spec.standard)


def carry_out(action: QAction, button: QAbstractButton) -> None:
    """Does what a button says when it is switched by whatever means: screen readers do so without a click. One of several that
    goes off has nothing to do, since another went on."""

    def follow(on: bool) -> None:
        if action.isChecked() != on and (on or action.actionGroup() is None):
            action.trigger()

    button.toggled.connect(follow)


def name_button(button: QWidget, text: str, keys: QKeySequence | None = None) -> None:
    """Sets accessible name, and tooltip with the shortcut."""
    button.setAccessibleName(text)
    set_tooltip(button, _with_keys(text, keys))


def _with_keys(text: str, keys: QKeySequence | None) -> str:
    shown = keys.toString(QKeySequence.SequenceFormat.NativeText) if keys else ""
    return f"{text} ({shown})" if shown else text


def plain(text: str) -> str:
    """Returns a menu text without its mnemonic and dots."""
    return text.replace("&", "").rstrip("…")
