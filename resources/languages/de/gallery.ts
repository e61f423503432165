<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>gallery</name>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>&amp;Add a Folder of Pictures…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>&amp;Check Every Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>&amp;Look for Changed Files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>1 picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>1 picture is exported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Add</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Add a Folder of Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>All pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>And {0} more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Any time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <source>As the file has it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>As they are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Board</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Boards</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Boards changed: {0}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Boards of the chosen pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>By model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>By prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>By seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Checking every picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Choose a picture to see how it was made. A double click shows it large.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Choose two pictures to compare them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Clear the search</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Compare the two</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Compare the two pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Compare this picture with others</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Day not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Done</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Every board</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Every model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Every picture is as it was saved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Every picture you make is kept here, with everything that made it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Every tag</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Export Into</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Export Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Export…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Favourites</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Favourites first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Folders, missing files and checks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Forget the board that is marked in the list; its pictures stay</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Format of the copies</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Give the board that is marked in the list this name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Guidance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>How the picture was made</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Information</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Into a folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Into one ZIP file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Largest first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Last 30 days</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Last 7 days</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Leave the settings out of the copies and of their names</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Looking for changed files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Looking into {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Made</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <source>Made with {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Make a board of this name and put the pictures on it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Make one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Model not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Name of a new board</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Newest first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>No picture has all of this.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>No pictures yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <source>Not taken over</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Not: {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Nothing found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Nothing has changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Oldest first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>One picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Only favourites</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Order of the pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Others</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Picture after</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Picture before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Picture to compare with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/grid.py"/>
        <source>Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/film_strip.py"/>
        <source>Pictures beside this one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Pictures copied</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Remove the Board</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Rename to This</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Sampler</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Search prompts: red house -night</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Search the prompts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Seed {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Settings are kept in every format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <source>Settings as the file has them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Show all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Show in Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Size of the thumbnails</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Size of the thumbnails (Ctrl and the wheel)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Tag</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Tags of the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Tags, separated by commas</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>The board {0} is removed; its pictures stay.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>The chosen picture is on:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>The {0} chosen pictures are on:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/delegate.py"/>
        <source>This file is missing or damaged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Today</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>When</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Yesterday</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>ZIP files ({0})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>beside seed {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>unknown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>{0} added</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>{0} changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>{0} missing, hidden until their files are back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>{0} moved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>{0} of {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>{0} of {1} chosen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>{0} pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>{0} pictures are chosen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>{0} pictures are exported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>{0} pictures whose file is missing</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
