<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>gallery</name>
    <message numerus="yes">
        <location filename="../../../gui/gallery/bar.py"/>
        <source>%Ln of {0} chosen</source>
        <translation>
            <numerusform>%Ln of {0} chosen</numerusform>
            <numerusform>%Ln of {0} chosen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/bar.py"/>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>%Ln pictures</source>
        <translation>
            <numerusform>%Ln picture</numerusform>
            <numerusform>%Ln pictures</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/details.py"/>
        <source>%Ln pictures are chosen</source>
        <translation>
            <numerusform>%Ln picture is chosen</numerusform>
            <numerusform>%Ln pictures are chosen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>%Ln pictures are enlarged.</source>
        <translation>
            <numerusform>%Ln picture is enlarged.</numerusform>
            <numerusform>%Ln pictures are enlarged.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>%Ln pictures are exported.</source>
        <translation>
            <numerusform>%Ln picture is exported.</numerusform>
            <numerusform>%Ln pictures are exported.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>%Ln pictures are missing, and hidden until their files are back.</source>
        <translation>
            <numerusform>%Ln picture is missing, and hidden until its file is back.</numerusform>
            <numerusform>%Ln pictures are missing, and hidden until their files are back.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>%Ln pictures were added.</source>
        <translation>
            <numerusform>%Ln picture was added.</numerusform>
            <numerusform>%Ln pictures were added.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>%Ln pictures were changed.</source>
        <translation>
            <numerusform>%Ln picture was changed.</numerusform>
            <numerusform>%Ln pictures were changed.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>%Ln pictures were moved.</source>
        <translation>
            <numerusform>%Ln picture was moved.</numerusform>
            <numerusform>%Ln pictures were moved.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/filters.py"/>
        <source>%Ln pictures whose file is missing</source>
        <translation>
            <numerusform>%Ln picture whose file is missing</numerusform>
            <numerusform>%Ln pictures whose file is missing</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/origin.py"/>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>And %Ln more.</source>
        <translation>
            <numerusform>And %Ln more.</numerusform>
            <numerusform>And %Ln more.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>The %Ln chosen pictures are on:</source>
        <translation>
            <numerusform>The chosen picture is on:</numerusform>
            <numerusform>The %Ln chosen pictures are on:</numerusform>
        </translation>
    </message>
</context>
</TS>
