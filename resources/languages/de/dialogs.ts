<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>dialogs</name>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>A full-size model takes {0} to {1} of the disk, all of them together at most {2}; {3} are there now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>After every fifth step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>After every second step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>After every step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>As the system</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Check pictures with the model's safety checker, if it has one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Checked, and right: {0}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Choose…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>Clear</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>Clear what was kept of models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Dark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Device</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Device and Memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Draw at half the pace, and rest before it switches itself off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Draw on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Drawing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Elsewhere</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>File name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Folder for Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Folder for pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Full-size models run in {0}. {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Give Back the Models' Memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>In heat</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>It was not measured yet which number format is fastest here; it takes a few seconds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>Keep models prepared for this processor: they start faster</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Keep the computer awake while drawing; the display may sleep</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Keyboard Shortcuts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Less</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Let other programs and a browser draw here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Light</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Look</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Measure</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Measure Again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Measuring; it is best to do nothing else meanwhile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Memory in use</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Models, the gallery's index, thumbnails and logs. SDEDGE_HOME names another place.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Motion</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Never</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>On battery</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Other programs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Port</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Port of the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Preview</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Rest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Rest before it switches itself off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Rest below {0} %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Rest on battery</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Show in Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Speeds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Stable Diffusion v1 for the machine in front of you. It opens no network connection by itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Storage</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Such as {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Tell me in other windows when the queue is done</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Template of file names</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>The engine's process holds {0}, which counts as free for pictures.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>The next picture is planned with about {0}, in mode “{1}”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>The next picture's memory cannot be planned for this model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Theme</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>This system does not say how much memory is free.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>When the computer is hot</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Write the settings into the files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>refused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>{0} of {1} are free.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>{0}: for programs of this computer alone</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
