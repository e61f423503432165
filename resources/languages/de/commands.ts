<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>commands</name>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Cancel {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Cancelled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/command.py"/>
        <source>Cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/tasks.py"/>
        <source>Cancelling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/command.py"/>
        <source>Cannot start {0}: {1}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Done</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/command.py"/>
        <source>It failed without a reason.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/command.py"/>
        <source>It was ended by the system, perhaps for want of memory; close other programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Remove from this list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>Waiting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/commands/panel.py"/>
        <source>and {0} more</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
