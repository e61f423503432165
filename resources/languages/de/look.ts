<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>look</name>
    <message>
        <location filename="../../../gui/look/readable.py"/>
        <source>{0}%</source>
        <translation>{0} %</translation>
    </message>
</context>
</TS>
