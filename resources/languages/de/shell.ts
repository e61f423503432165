<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>shell</name>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;About sdedge</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Actual Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Before and After</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Boards…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Cancel the Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Create</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Device and Memory…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Edit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Favourite</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Fit the Window</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Forget Finished Jobs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Gallery</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Generate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Help</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Keep the Seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Keyboard Shortcuts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Less Weight on the Word</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;More Weight on the Word</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Open Picture…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Paint a Part Anew</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Paste</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Pause the Queue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Queue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Queue and Recent Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Quit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Random Seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Redo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Save a Copy…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Settings…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Start From This Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Undo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Use These Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Vary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;View</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>1 picture moved to the trash.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>A backup is under way; wait until it is done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>A copy is saved as {0}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/notifier.py"/>
        <source>A picture could not be drawn; the window says why.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Archive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>C&amp;lear the Prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Cancel &amp;After This Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Choose the picture…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Close and End It</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Close sdedge?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/banner.py"/>
        <source>Close this notice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Co&amp;mpare Two Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Con&amp;vert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Copy the P&amp;icture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Copy the P&amp;rompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Cu&amp;t</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Drop text into the prompt, where it belongs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>E&amp;xport…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Everything is being written…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Export &amp;Everything…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Export Everything</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>F&amp;ull Screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Ge&amp;t Models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Go on with the queue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>I&amp;nformation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>It is the picture of {0} under Models.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>It was drawn from another picture, which sdedge does not open by itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Its VAE {0} is not installed and is left out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Its model {0} is not installed; yours stays chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Keep It Open</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Model, device and memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Move to &amp;Trash</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Only the first of {0} pictures is used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Paths of LoRAs are not followed, only their names looked up: {0}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Picture of Its M&amp;odel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>Pictures ({0})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Prompt &amp;History…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Read a &amp;Backup…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Read a Backup</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>S&amp;wap Width and Height</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>Save a Copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Select &amp;All</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Show Pictures &amp;Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Show in Fol&amp;der</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Show in Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Show the &amp;Log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/app.py"/>
        <source>Show the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Show the models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>The backup is being read…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/status.py"/>
        <source>The engine uses {0}; {1:.1f} GB are free.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/studio.py"/>
        <source>The form has the picture's settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>The picture is copied.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>The prompt is copied.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/notifier.py"/>
        <source>The queue is done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>The queue is paused. {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/serving.py"/>
        <source>The server has ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/app.py"/>
        <source>The window comes forward, with what you opened, as soon as it answers. A second one is not opened: both would draw from one queue. If it never answers, end its process, number {0}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>There is no file at {0} any more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>There is nothing to paste.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/editing.py"/>
        <source>There is nothing to undo.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Try again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/studio.py"/>
        <source>Undo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Use This Se&amp;ed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Use its settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Zoom &amp;In</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Zoom &amp;Out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/app.py"/>
        <source>sdedge ended unexpectedly the last time. Nothing was sent anywhere.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/app.py"/>
        <source>sdedge is open and busy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>sdedge opens no network addresses. Save the picture first and drop the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/status.py"/>
        <source>{0:.1f} of {1:.0f} GB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>{0} is a folder without a model in it. Drop a picture, or the folder of a model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>{0} pictures and {1} waiting jobs were written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>{0} pictures are favourites.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>{0} pictures are no favourites.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>{0} pictures came back, {1} were here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>{0} pictures moved to the trash.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>{0} says how it was made ({1}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>{0} variations of the picture are drawn.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
