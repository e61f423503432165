"""Every action of the app, declared once: menus, shortcuts, buttons and the help page are made from this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QToolButton, QWidget

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


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Marks a text for lupdate, which looks for this name; it is translated where it is shown."""
    return text


MENUS = {
    "file": QT_TRANSLATE_NOOP("actions", "&File"),
    "edit": QT_TRANSLATE_NOOP("actions", "&Edit"),
    "picture": QT_TRANSLATE_NOOP("actions", "&Picture"),
    "queue": QT_TRANSLATE_NOOP("actions", "&Queue"),
    "view": QT_TRANSLATE_NOOP("actions", "&View"),
    "help": QT_TRANSLATE_NOOP("actions", "&Help"),
}

Key = QKeySequence.StandardKey

ACTIONS = (
    Spec("open", QT_TRANSLATE_NOOP("actions", "&Open Picture…"), "file", standard=Key.Open, icon="image"),
    Spec("open-folder", QT_TRANSLATE_NOOP("actions", "Show Pictures &Folder"), "file", icon="folder"),
    Spec("export-everything", QT_TRANSLATE_NOOP("actions", "Export &Everything…"), "file", separated=True),
    Spec("read-backup", QT_TRANSLATE_NOOP("actions", "Read a &Backup…"), "file"),
    Spec("settings", QT_TRANSLATE_NOOP("actions", "&Settings…"), "file", ("Ctrl+,",), icon="settings", separated=True,
         role=QAction.MenuRole.PreferencesRole),
    Spec("quit", QT_TRANSLATE_NOOP("actions", "&Quit"), "file", standard=Key.Quit, separated=True,
         role=QAction.MenuRole.QuitRole),
    Spec("generate", QT_TRANSLATE_NOOP("actions", "&Generate"), "picture", ("Ctrl+Return", "Ctrl+Enter"), icon="create"),
    Spec("undo", QT_TRANSLATE_NOOP("actions", "&Undo"), "edit", standard=Key.Undo, icon="undo"),
    Spec("redo", QT_TRANSLATE_NOOP("actions", "&Redo"), "edit", standard=Key.Redo, icon="redo"),
    Spec("cut", QT_TRANSLATE_NOOP("actions", "Cu&t"), "edit", standard=Key.Cut, separated=True),
    Spec("copy", QT_TRANSLATE_NOOP("actions", "&Copy"), "edit", standard=Key.Copy),
    Spec("paste", QT_TRANSLATE_NOOP("actions", "&Paste"), "edit", standard=Key.Paste),
    Spec("select-all", QT_TRANSLATE_NOOP("actions", "Select &All"), "edit", standard=Key.SelectAll),
    Spec("weigh-more", QT_TRANSLATE_NOOP("actions", "&More Weight on the Word"), "edit", ("Ctrl+Up",),
         separated=True),
    Spec("weigh-less", QT_TRANSLATE_NOOP("actions", "&Less Weight on the Word"), "edit", ("Ctrl+Down",)),
    Spec("history", QT_TRANSLATE_NOOP("actions", "Prompt &History…"), "edit", ("Ctrl+H",), icon="history",
         separated=True),
    Spec("clear-prompt", QT_TRANSLATE_NOOP("actions", "C&lear the Prompt"), "edit", ("Ctrl+Shift+Backspace",)),
    Spec("random-seed", QT_TRANSLATE_NOOP("actions", "&Random Seed"), "picture", ("Ctrl+R",), icon="dice"),
    Spec("lock-seed", QT_TRANSLATE_NOOP("actions", "&Keep the Seed"), "picture", ("Ctrl+Shift+R",), icon="lock",
         checkable=True),
    Spec("swap-size", QT_TRANSLATE_NOOP("actions", "S&wap Width and Height"), "picture", ("Ctrl+Shift+W",), icon="swap"),
    Spec("use-settings", QT_TRANSLATE_NOOP("actions", "&Use These Settings"), "picture", ("Ctrl+U",), icon="create",
         separated=True),
    Spec("use-seed", QT_TRANSLATE_NOOP("actions", "Use This Se&ed"), "picture", ("Ctrl+Shift+U",), icon="dice"),
    Spec("vary", QT_TRANSLATE_NOOP("actions", "&Vary"), "picture", ("Ctrl+Shift+V",), icon="vary"),
    Spec("edit-picture", QT_TRANSLATE_NOOP("actions", "&Start From This Picture"), "picture", ("Ctrl+E",), icon="image"),
    Spec("paint-picture", QT_TRANSLATE_NOOP("actions", "&Paint a Part Anew"), "picture", ("Ctrl+Shift+E",), icon="brush"),
    Spec("copy-picture", QT_TRANSLATE_NOOP("actions", "Copy the P&icture"), "picture", icon="copy"),
    Spec("copy-prompt", QT_TRANSLATE_NOOP("actions", "Copy the P&rompt"), "picture", ("Ctrl+Shift+C",)),
    Spec("save-as", QT_TRANSLATE_NOOP("actions", "&Save a Copy…"), "picture", ("Ctrl+Shift+S",), icon="save"),
    Spec("export", QT_TRANSLATE_NOOP("actions", "E&xport…"), "picture", ("Ctrl+Shift+X",), icon="export"),
    Spec("board", QT_TRANSLATE_NOOP("actions", "&Boards…"), "picture", ("Ctrl+Shift+B",), icon="board"),
    Spec("model-picture", QT_TRANSLATE_NOOP("actions", "Picture of Its M&odel"), "picture", icon="models"),
    Spec("compare", QT_TRANSLATE_NOOP("actions", "Co&mpare Two Pictures"), "picture", ("Ctrl+Shift+M",),
         icon="before-after"),
    Spec("information", QT_TRANSLATE_NOOP("actions", "I&nformation"), "picture", ("Ctrl+Shift+I",), icon="info"),
    Spec("favourite", QT_TRANSLATE_NOOP("actions", "&Favourite"), "picture", ("Ctrl+D",), icon="star", checkable=True),
    Spec("reveal", QT_TRANSLATE_NOOP("actions", "Show in Fol&der"), "picture", ("Ctrl+Shift+D",), icon="folder"),
    Spec("trash", QT_TRANSLATE_NOOP("actions", "Move to &Trash"), "picture", standard=Key.Delete, icon="trash",
         local=True),
    Spec("cancel", QT_TRANSLATE_NOOP("actions", "&Cancel the Picture"), "queue", ("Esc",), icon="stop", view="create"),
    Spec("cancel-after", QT_TRANSLATE_NOOP("actions", "Cancel &After This Picture"), "queue", ("Shift+Esc",),
         view="create"),
    Spec("pause-queue", QT_TRANSLATE_NOOP("actions", "&Pause the Queue"), "queue", ("Ctrl+P",), icon="pause",
         checkable=True, separated=True),
    Spec("clear-queue", QT_TRANSLATE_NOOP("actions", "&Forget Finished Jobs"), "queue"),
    Spec("view-create", QT_TRANSLATE_NOOP("actions", "&Create"), "view", ("Ctrl+1",), icon="create", checkable=True),
    Spec("view-gallery", QT_TRANSLATE_NOOP("actions", "&Gallery"), "view", ("Ctrl+2",), icon="gallery", checkable=True),
    Spec("view-models", QT_TRANSLATE_NOOP("actions", "&Models"), "view", ("Ctrl+3",), icon="models", checkable=True),
    Spec("view-convert", QT_TRANSLATE_NOOP("actions", "Con&vert"), "view", ("Ctrl+4",), icon="convert", checkable=True),
    Spec("view-get", QT_TRANSLATE_NOOP("actions", "Ge&t Models"), "view", ("Ctrl+5",), icon="save", checkable=True),
    Spec("zoom-in", QT_TRANSLATE_NOOP("actions", "Zoom &In"), "view", standard=Key.ZoomIn, icon="zoom-in",
         separated=True),
    Spec("zoom-out", QT_TRANSLATE_NOOP("actions", "Zoom &Out"), "view", standard=Key.ZoomOut, icon="zoom-out"),
    Spec("zoom-fit", QT_TRANSLATE_NOOP("actions", "&Fit the Window"), "view", ("Ctrl+0",), icon="fit"),
    Spec("zoom-actual", QT_TRANSLATE_NOOP("actions", "&Actual Size"), "view", ("Ctrl+Shift+0",), icon="actual"),
    Spec("before-after", QT_TRANSLATE_NOOP("actions", "&Before and After"), "view", ("Ctrl+B",), icon="before-after",
         checkable=True),
    Spec("side-column", QT_TRANSLATE_NOOP("actions", "&Queue and Recent Pictures"), "view", ("F9",), icon="sidebar",
         checkable=True, separated=True),
    Spec("device", QT_TRANSLATE_NOOP("actions", "&Device and Memory…"), "view", ("Ctrl+I",), icon="memory"),
    Spec("full-screen", QT_TRANSLATE_NOOP("actions", "F&ull Screen"), "view", standard=Key.FullScreen, checkable=True),
    Spec("shortcuts", QT_TRANSLATE_NOOP("actions", "&Keyboard Shortcuts"), "help", ("F1",), icon="help"),
    Spec("show-log", QT_TRANSLATE_NOOP("actions", "Show the &Log"), "help"),
    Spec("about", QT_TRANSLATE_NOOP("actions", "&About sdedge"), "help", separated=True, role=QAction.MenuRole.AboutRole),
)  # fmt: skip


class Actions(QObject):
    """The QActions of the list. Views say what an action does with `bind`; until then it is disabled."""

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self._made: dict[str, QAction] = {}
        for spec in ACTIONS:
            action = QAction(QCoreApplication.translate("actions", spec.text), parent)
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
            menu: QMenu = bar.addMenu(QCoreApplication.translate("actions", title))
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
        return button


def _sequences(spec: Spec) -> list[QKeySequence]:
    return sequences(spec.id, spec.keys, spec.standard)


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
