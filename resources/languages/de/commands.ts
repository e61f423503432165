<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>commands</name>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Cancel {0}</source>
        <translation>{0} abbrechen</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Cancelled</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/command.py"/>
        <source>Cancelled.</source>
        <translation>Abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/tasks.py"/>
        <source>Cancelling</source>
        <translation>Wird abgebrochen</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/command.py"/>
        <source>Cannot start {0}: {1}.</source>
        <translation>{0} lässt sich nicht starten: {1}.</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/command.py"/>
        <source>It failed without a reason.</source>
        <translation>Es ist ohne Angabe von Gründen fehlgeschlagen.</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/command.py"/>
        <source>It was ended by the system, perhaps for want of memory; close other programs.</source>
        <translation>Das System hat es beendet, vielleicht aus Speichermangel; schließen Sie andere Programme.</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Remove from this list</source>
        <translation>Aus dieser Liste entfernen</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Starting</source>
        <translation>Wird gestartet</translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Waiting</source>
        <translation>Wartet</translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/commands/panel.py"/>
        <source>and %n more</source>
        <translation>
            <numerusform>und eines mehr</numerusform>
            <numerusform>und %n weitere</numerusform>
        </translation>
    </message>
</context>
</TS>
