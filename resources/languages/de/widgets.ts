<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>widgets</name>
    <message>
        <location filename="../../../gui/widgets/fold.py"/>
        <source>closed</source>
        <translation>geschlossen</translation>
    </message>
    <message>
        <location filename="../../../gui/widgets/fold.py"/>
        <source>in use</source>
        <translation>in Gebrauch</translation>
    </message>
    <message>
        <location filename="../../../gui/widgets/fold.py"/>
        <source>open</source>
        <translation>offen</translation>
    </message>
</context>
</TS>
