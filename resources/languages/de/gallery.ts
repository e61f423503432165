<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>gallery</name>
    <message numerus="yes">
        <location filename="../../../gui/gallery/bar.py"/>
        <source>%Ln of {0} chosen</source>
        <translation>
            <numerusform>%Ln von {0} gewählt</numerusform>
            <numerusform>%Ln von {0} gewählt</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/bar.py"/>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>%Ln pictures</source>
        <translation>
            <numerusform>%Ln Bild</numerusform>
            <numerusform>%Ln Bilder</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/details.py"/>
        <source>%Ln pictures are chosen</source>
        <translation>
            <numerusform>%Ln Bild ist ausgewählt</numerusform>
            <numerusform>%Ln Bilder sind ausgewählt</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>%Ln pictures are enlarged.</source>
        <translation>
            <numerusform>%Ln Bild wurde vergrößert.</numerusform>
            <numerusform>%Ln Bilder wurden vergrößert.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>%Ln pictures are exported.</source>
        <translation>
            <numerusform>%Ln Bild wurde exportiert.</numerusform>
            <numerusform>%Ln Bilder wurden exportiert.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>%Ln pictures are missing, and hidden until their files are back.</source>
        <translation>
            <numerusform>%Ln Bild fehlt und bleibt verborgen, bis seine Datei wieder da ist.</numerusform>
            <numerusform>%Ln Bilder fehlen und bleiben verborgen, bis ihre Dateien wieder da sind.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>%Ln pictures were added.</source>
        <translation>
            <numerusform>%Ln Bild kam hinzu.</numerusform>
            <numerusform>%Ln Bilder kamen hinzu.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>%Ln pictures were changed.</source>
        <translation>
            <numerusform>%Ln Bild wurde geändert.</numerusform>
            <numerusform>%Ln Bilder wurden geändert.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>%Ln pictures were moved.</source>
        <translation>
            <numerusform>%Ln Bild wurde verschoben.</numerusform>
            <numerusform>%Ln Bilder wurden verschoben.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/filters.py"/>
        <source>%Ln pictures whose file is missing</source>
        <translation>
            <numerusform>%Ln Bild, dessen Datei fehlt</numerusform>
            <numerusform>%Ln Bilder, deren Datei fehlt</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>&amp;Add a Folder of Pictures…</source>
        <translation>Bilderordner &amp;hinzufügen…</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>&amp;Check Every Picture</source>
        <translation>Alle Bilder &amp;prüfen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>&amp;Look for Changed Files</source>
        <translation>Nach geänderten &amp;Dateien suchen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>A network keeps edges sharper than the filter: get one under Get Models.</source>
        <translation>Ein Netz hält Kanten schärfer als der Filter: unter „Modelle holen“ gibt es welche.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Add a Folder of Pictures</source>
        <translation>Bilderordner hinzufügen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>All pictures</source>
        <translation>Alle Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>All shown, folders, missing files and checks</source>
        <translation>Alle gezeigten, Ordner, fehlende Dateien und Prüfungen</translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/origin.py"/>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>And %Ln more.</source>
        <translation>
            <numerusform>Und eines mehr.</numerusform>
            <numerusform>Und %Ln weitere.</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Any time</source>
        <translation>Jederzeit</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <source>As the file has it</source>
        <translation>Wie es in der Datei steht</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>As the upscaler does</source>
        <translation>Wie der Upscaler</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>As they are</source>
        <translation>Unverändert</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Board</source>
        <translation>Sammlung</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Boards</source>
        <translation>Sammlungen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Boards changed: {0}.</source>
        <translation>Geänderte Sammlungen: {0}.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Boards of the chosen pictures</source>
        <translation>Sammlungen der ausgewählten Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>By</source>
        <translation>Verfahren</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>By model</source>
        <translation>Nach Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>By prompt</source>
        <translation>Nach Prompt</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>By seed</source>
        <translation>Nach Seed</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Checking every picture</source>
        <translation>Alle Bilder werden geprüft</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Choose a picture to see how it was made. A double click shows it large.</source>
        <translation>Ein Bild auswählen, um zu sehen, wie es entstanden ist. Ein Doppelklick zeigt es groß.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Choose two pictures to compare them</source>
        <translation>Zwei Bilder auswählen, um sie zu vergleichen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Clear the search</source>
        <translation>Suche leeren</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Compare the two</source>
        <translation>Beide vergleichen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Compare the two pictures</source>
        <translation>Die beiden Bilder vergleichen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Compare this picture with others</source>
        <translation>Dieses Bild mit anderen vergleichen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Day not known</source>
        <translation>Tag unbekannt</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>Enlarge</source>
        <translation>Vergrößern</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>Enlarge Pictures</source>
        <translation>Bilder vergrößern</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Every board</source>
        <translation>Alle Sammlungen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Every model</source>
        <translation>Alle Modelle</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Every picture is as it was saved.</source>
        <translation>Jedes Bild ist so, wie es gespeichert wurde.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Every picture you make is kept here, with everything that made it.</source>
        <translation>Hier bleibt jedes erzeugte Bild, mit allem, woraus es entstanden ist.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Every tag</source>
        <translation>Alle Tags</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Export Into</source>
        <translation>Exportieren nach</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Export Pictures</source>
        <translation>Bilder exportieren</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Export…</source>
        <translation>Exportieren…</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Favourites</source>
        <translation>Favoriten</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Favourites first</source>
        <translation>Favoriten zuerst</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>File</source>
        <translation>Datei</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Forget the board that is marked in the list; its pictures stay</source>
        <translation>Die in der Liste markierte Sammlung auflösen; ihre Bilder bleiben</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Format of the copies</source>
        <translation>Format der Kopien</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Give the board that is marked in the list this name</source>
        <translation>Der in der Liste markierten Sammlung diesen Namen geben</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Guidance</source>
        <translation>Guidance</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>How many times as wide and high they become</source>
        <translation>Wie viel Mal so breit und hoch sie werden</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>How the picture was made</source>
        <translation>Wie das Bild entstanden ist</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Information</source>
        <translation>Informationen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Into a folder</source>
        <translation>In einen Ordner</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Into one ZIP file</source>
        <translation>In eine ZIP-Datei</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>Lanczos, a filter</source>
        <translation>Lanczos, ein Filter</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Largest first</source>
        <translation>Größte zuerst</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Last 30 days</source>
        <translation>Letzte 30 Tage</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Last 7 days</source>
        <translation>Letzte 7 Tage</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Leave the settings out of the copies and of their names</source>
        <translation>Einstellungen in Kopien und Dateinamen weglassen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Looking for changed files</source>
        <translation>Suche nach geänderten Dateien</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Looking into {0}</source>
        <translation>{0} wird durchsucht</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Made</source>
        <translation>Erstellt</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <source>Made with {0}</source>
        <translation>Erstellt mit {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Make All Shown &amp;Favourites</source>
        <translation>Alle gezeigten zu &amp;Favoriten machen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Make a board of this name and put the pictures on it</source>
        <translation>Eine Sammlung mit diesem Namen anlegen und die Bilder hineinlegen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Make one</source>
        <translation>Bild erzeugen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Model not known</source>
        <translation>Modell unbekannt</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Name of a new board</source>
        <translation>Name einer neuen Sammlung</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Newest first</source>
        <translation>Neueste zuerst</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>No picture has all of this.</source>
        <translation>Auf kein Bild trifft all das zu.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>No pictures yet</source>
        <translation>Noch keine Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <source>Not taken over</source>
        <translation>Nicht übernommen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Not: {0}</source>
        <translation>Negativ: {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Nothing found</source>
        <translation>Nichts gefunden</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/upkeep.py"/>
        <source>Nothing has changed.</source>
        <translation>Es hat sich nichts geändert.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Oldest first</source>
        <translation>Älteste zuerst</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Only favourites</source>
        <translation>Nur Favoriten</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Order of the pictures</source>
        <translation>Reihenfolge der Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Others</source>
        <translation>Andere</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Picture</source>
        <translation>Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Picture after</source>
        <translation>Nächstes Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Picture before</source>
        <translation>Vorheriges Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Picture to compare with</source>
        <translation>Vergleichsbild</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/grid.py"/>
        <source>Pictures</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/film_strip.py"/>
        <source>Pictures beside this one</source>
        <translation>Benachbarte Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Pictures copied</source>
        <translation>Kopierte Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>Pictures enlarged</source>
        <translation>Vergrößerte Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Remove the Board</source>
        <translation>Sammlung auflösen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Rename to This</source>
        <translation>Umbenennen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Sampler</source>
        <translation>Sampler</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Search prompts: red house -night</source>
        <translation>Prompts durchsuchen: red house -night</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Search the prompts</source>
        <translation>Prompts durchsuchen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Seed</source>
        <translation>Seed</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>Seed {0}</source>
        <translation>Seed {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Settings are kept in every format</source>
        <translation>Die Einstellungen bleiben in jedem Format erhalten</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/origin.py"/>
        <source>Settings as the file has them</source>
        <translation>Einstellungen, wie sie in der Datei stehen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/view.py"/>
        <source>Show all</source>
        <translation>Alle zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>Show in Folder</source>
        <translation>Im Ordner zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Size of the thumbnails</source>
        <translation>Größe der Vorschaubilder</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/bar.py"/>
        <source>Size of the thumbnails (Ctrl and the wheel)</source>
        <translation>Größe der Vorschaubilder (Strg und Mausrad)</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>Some of the chosen pictures are on it.</source>
        <translation>Einige der gewählten Bilder sind darauf.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Steps</source>
        <translation>Schritte</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>Tag</source>
        <translation>Tag</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Tags of the picture</source>
        <translation>Tags des Bildes</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>Tags, separated by commas</source>
        <translation>Tags, durch Kommas getrennt</translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>The %Ln chosen pictures are on:</source>
        <translation>
            <numerusform>Das ausgewählte Bild liegt in:</numerusform>
            <numerusform>Die %Ln ausgewählten Bilder liegen in:</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/board_dialog.py"/>
        <source>The board {0} is removed; its pictures stay.</source>
        <translation>Die Sammlung {0} ist aufgelöst; ihre Bilder bleiben.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/delegate.py"/>
        <source>This file is missing or damaged.</source>
        <translation>Diese Datei fehlt oder ist beschädigt.</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Today</source>
        <translation>Heute</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>What enlarges them; networks are had under Get Models</source>
        <translation>Was sie vergrößert; Netze gibt es unter „Modelle holen“</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/filters.py"/>
        <source>When</source>
        <translation>Zeitraum</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/headings.py"/>
        <source>Yesterday</source>
        <translation>Gestern</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/export_dialog.py"/>
        <source>ZIP files ({0})</source>
        <translation>ZIP-Dateien ({0})</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>beside seed {0}</source>
        <translation>neben Seed {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/details.py"/>
        <source>unknown</source>
        <translation>unbekannt</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/large.py"/>
        <source>{0} of {1}</source>
        <translation>{0} von {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/enlarge_dialog.py"/>
        <source>{0} times</source>
        <translation>{0}-fach</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/model.py"/>
        <source>{what}, favourite, {width} by {height}, {when}</source>
        <translation>{what}, Favorit, {width} mal {height}, {when}</translation>
    </message>
    <message>
        <location filename="../../../gui/gallery/model.py"/>
        <source>{what}, {width} by {height}, {when}</source>
        <translation>{what}, {width} mal {height}, {when}</translation>
    </message>
</context>
</TS>
