"""The look of every control, in the theme's tokens. Widgets choose among the kinds with `gui.look.theme.set_kind`."""

STYLESHEET = """
* { font-size: ${body}px; widget-animation-duration: 0; }
QWidget { color: $text; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QMainWindow, QDialog, QWidget[kind="window"] { background: $window; }
QWidget[kind="panel"] { background: $panel; }
QWidget[kind="canvas"] { background: $canvas; }
QWidget[kind="header"] { background: $panel; border-bottom: 1px solid $line; }
QWidget[kind="card"] { background: $panel; border: 1px solid $line; border-radius: ${radius}px; }
QWidget[kind="drawer"] { background: $panel; border-left: 1px solid $line; }
QWidget[kind="toolbar"] { background: $panel; border-bottom: 1px solid $line; }
QWidget[kind="strip"] { background: $panel; border-top: 1px solid $line; }
QWidget[kind="floating"] { background: $panel; border: 1px solid $line; border-radius: 10px; }
QFrame[kind="chip"] { background: $canvas; border: 1px solid $accent; border-radius: ${radius}px; }
QFrame[kind="divider"] { background: $line; border: none; }

QLabel { background: transparent; }
QLabel[kind="title"] { font-size: ${title}px; font-weight: 600; }
QLabel[kind="strong"] { font-weight: 600; }
QLabel[kind="caption"] { font-size: ${caption}px; color: $muted; }
QLabel[kind="muted"] { color: $muted; }
QLabel[kind="fault"] { font-size: ${caption}px; color: $bad; }
QLabel[kind="caution"] { font-size: ${caption}px; color: $warning; }
QLabel[kind="failure"] { color: $bad; }
QLabel[kind="good"] { font-size: ${caption}px; color: $good; }

QPushButton, QToolButton {
    background: $panel; border: 1px solid $line; border-radius: ${radius}px; padding: 5px 12px; min-height: 20px;
}
QPushButton:hover, QToolButton:hover { background: $canvas; }
QPushButton:pressed, QToolButton:pressed { background: $line; }
QPushButton:disabled, QToolButton:disabled { color: $muted; background: $window; }
QPushButton:focus, QToolButton:focus { border: 2px solid $accent; padding: 4px 11px; }
QPushButton[kind="accent"] {
    background: $accent; color: $on_accent; border: 1px solid $accent; font-weight: 600; padding: 7px 16px;
}
QPushButton[kind="accent"]:hover { border-color: $text; }
QPushButton[kind="accent"]:focus { border: 2px solid $text; padding: 6px 15px; }
QPushButton[kind="accent"]:disabled { background: $line; border-color: $line; color: $muted; }
QPushButton[kind="large"] { padding: 7px 16px; font-weight: 600; }
QPushButton[kind="large"]:focus { padding: 6px 15px; }
QPushButton[kind="link"] {
    background: transparent; border: 1px solid transparent; color: $accent; padding: 2px 4px; text-align: left;
}
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border: 2px solid $accent; padding: 1px 3px; }
QPushButton[kind="fold"] {
    background: transparent; border: 1px solid transparent; text-align: left; font-weight: 600; padding: 4px 4px 4px 0;
}
QPushButton[kind="fold"]:hover { background: $canvas; }
QPushButton[kind="fold"]:focus { border: 2px solid $accent; padding: 3px 3px 3px 0; }
QToolButton[kind="quiet"] { background: transparent; border: 1px solid transparent; padding: 4px; }
QToolButton[kind="quiet"]:hover { background: $canvas; }
QToolButton[kind="quiet"]:checked { background: $canvas; border-color: $line; }
QToolButton[kind="quiet"]:focus { border: 2px solid $accent; padding: 3px; }
QToolButton[kind="picture"] { background: $canvas; padding: 3px; }
QToolButton[kind="picture"]:focus { border: 2px solid $accent; padding: 2px; }
QToolButton[kind="segment"] {
    background: transparent; border: 1px solid transparent; border-radius: ${radius}px; padding: 3px 12px; color: $muted;
}
QToolButton[kind="segment"]:hover { color: $text; }
QToolButton[kind="segment"]:checked { background: $canvas; color: $text; font-weight: 600; }
QToolButton[kind="segment"]:focus { border: 2px solid $accent; padding: 2px 11px; }
QToolButton::menu-indicator { image: none; }
QFileDialog QToolButton { padding: 4px; }
QLineEdit > QToolButton { background: transparent; border: none; padding: 0; min-height: 0; }

QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox, QDoubleSpinBox {
    background: $panel; border: 1px solid $line; border-radius: ${radius}px; padding: 4px 7px; min-height: 20px;
    selection-background-color: $accent; selection-color: $on_accent;
}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {
    border: 2px solid $accent; padding: 3px 6px;
}
QSpinBox { max-height: 20px; }
QSpinBox > QLineEdit, QSpinBox > QLineEdit:focus {
    background: transparent; border: none; border-radius: 0; padding: 0; min-height: 0;
}
QSpinBox::up-button, QSpinBox::down-button { width: 0; border: none; }
QLineEdit[faulty="true"], QPlainTextEdit[faulty="true"], QComboBox[faulty="true"] { border: 1px solid $bad; }
QLineEdit[faulty="true"]:focus, QPlainTextEdit[faulty="true"]:focus, QComboBox[faulty="true"]:focus {
    border: 2px solid $bad; padding: 3px 6px;
}
QLineEdit:disabled, QComboBox:disabled { color: $muted; background: $window; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: url("$icon_chevron_down_muted"); width: 14px; height: 14px; }
QComboBox { combobox-popup: 0; }
QComboBox QAbstractItemView, QComboBox QAbstractItemView:focus, QListView[kind="popup"], QListView[kind="popup"]:focus {
    background: $panel; border: 1px solid $line; border-radius: 0; outline: none; padding: 4px;
    selection-background-color: $accent; selection-color: $on_accent;
}
QListView[kind="popup"], QListView[kind="popup"]:focus { padding: 2px; }
QListView[kind="checks"], QListView[kind="checks"]:focus {
    background: $panel; border: 1px solid $line; border-radius: ${radius}px; padding: 3px;
    selection-background-color: $line; selection-color: $text;
}
QListView[kind="checks"]:focus { border: 2px solid $accent; padding: 2px; }
QListView[kind="checks"]::item { min-height: 26px; padding: 0 6px; border-radius: 4px; }
QListView[kind="checks"]::item:selected { background: $line; color: $text; }
QComboBox QAbstractItemView::item { min-height: 24px; padding: 0 6px; border-radius: 4px; }
QComboBox QAbstractItemView::item:selected { background: $accent; color: $on_accent; }

QCheckBox, QRadioButton { spacing: 8px; padding: 3px; border: 2px solid transparent; border-radius: ${radius}px; }
QCheckBox:focus, QRadioButton:focus { border-color: $accent; }
QCheckBox::indicator, QAbstractItemView::indicator {
    width: 16px; height: 16px; border: 1px solid $muted; border-radius: 4px; background: $panel;
}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked {
    background: $accent; border-color: $accent; image: url("$icon_check_on_accent");
}
QCheckBox::indicator:indeterminate, QAbstractItemView::indicator:indeterminate {
    background: $accent; border-color: $accent; image: url("$icon_minus_on_accent");
}
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $muted; border-radius: 8px; background: $panel; }
QRadioButton::indicator:checked { border: 5px solid $accent; width: 6px; height: 6px; }

QSlider { min-height: 20px; background: transparent; }
QSlider::groove:horizontal { height: 4px; background: $line; border-radius: 2px; }
QSlider::$passed:horizontal { background: $accent; border-radius: 2px; }
QSlider::handle:horizontal {
    width: 14px; height: 14px; margin: -6px 0; border-radius: 8px; background: $panel; border: 1px solid $muted;
}
QSlider::handle:horizontal:focus { border: 2px solid $accent; }

QProgressBar { background: $line; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; color: transparent; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }

QListView, QTreeView, QTableView, QScrollArea { background: transparent; border: none; outline: none; }
QScrollArea > QWidget > QWidget { background: transparent; }
QListView:focus, QTreeView:focus, QTableView:focus { border: 2px solid $accent; border-radius: ${radius}px; }
QListView[kind="pictures"], QListView[kind="pictures"]:focus { background: $window; border: none; }
QTableView { selection-background-color: $line; selection-color: $text; }
QTableView::item { padding: 0 5px; border: none; }
QTableView:focus { border: none; }
QTableView::item:focus { border: 2px solid $accent; padding: 0 3px; }
QListView[kind="recent"]:focus { border: none; }
QHeaderView::section { background: $panel; color: $muted; border: none; border-bottom: 1px solid $line; padding: 4px 8px; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $line; border-radius: 4px; min-height: 28px; min-width: 28px; margin: 1px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QSplitter::handle { background: $line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }

QMenuBar { background: $panel; border-bottom: 1px solid $line; }
QMenuBar::item { padding: 4px 8px; background: transparent; }
QMenuBar::item:selected { background: $canvas; border-radius: 4px; }
QMenu { background: $panel; border: 1px solid $line; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: $accent; color: $on_accent; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
QToolTip { background: $panel; color: $text; border: 1px solid $line; padding: 4px 6px; }
"""
