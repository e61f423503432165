"""What is wrong is said beneath its control."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from gui.widgets.fault_label import FaultLabel


def test_a_sentence_is_no_window_before_it_has_its_place_and_keeps_its_margin_there(theme, qtbot):
    host, label = QWidget(), FaultLabel()
    qtbot.addWidget(host)
    label.say("short")
    assert label not in QApplication.topLevelWidgets() or label.isHidden()
    label.setContentsMargins(100, 0, 0, 0)
    QVBoxLayout(host).addWidget(label)
    host.resize(300, 100)
    host.show()
    assert label.isVisible() and label.contentsMargins().left() == 100
    label.say("")
    assert label.isHidden()
