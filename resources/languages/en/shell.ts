<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>shell</name>
    <message numerus="yes">
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>%n pictures are favourites.</source>
        <translation>
            <numerusform>%n picture is a favourite.</numerusform>
            <numerusform>%n pictures are favourites.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>%n pictures are no favourites.</source>
        <translation>
            <numerusform>%n picture is no favourite.</numerusform>
            <numerusform>%n pictures are no favourites.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>%n pictures moved to the trash.</source>
        <translation>
            <numerusform>%n picture moved to the trash.</numerusform>
            <numerusform>%n pictures moved to the trash.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>%n variations of the picture are drawn.</source>
        <translation>
            <numerusform>%n variation of the picture is drawn.</numerusform>
            <numerusform>%n variations of the picture are drawn.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/trash.py"/>
        <source>And %n more.</source>
        <translation>
            <numerusform>And %n more.</numerusform>
            <numerusform>And %n more.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/drops.py"/>
        <source>Only the first of %n pictures is used.</source>
        <translation>
            <numerusform>Only this picture is used.</numerusform>
            <numerusform>Only the first of %n pictures is used.</numerusform>
        </translation>
    </message>
</context>
</TS>
