<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>create</name>
    <message numerus="yes">
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>%n pictures</source>
        <translation>
            <numerusform>%n picture</numerusform>
            <numerusform>%n pictures</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/create/presenter.py"/>
        <source>Cancelled. %n finished pictures are kept.</source>
        <translation>
            <numerusform>Cancelled. %n finished picture is kept.</numerusform>
            <numerusform>Cancelled. %n finished pictures are kept.</numerusform>
        </translation>
    </message>
</context>
</TS>
