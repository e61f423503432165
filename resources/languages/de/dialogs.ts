<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>dialogs</name>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>16 bits (bf16)</source>
        <translation>16 Bit (bf16)</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>16 bits (fp16)</source>
        <translation>16 Bit (fp16)</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>32 bits</source>
        <translation>32 Bit</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>A full-size model takes {0} to {1} of the disk, all of them together at most {2}; {3} are there now.</source>
        <translation>Ein Modell voller Größe belegt {0} bis {1} der Platte, alle zusammen höchstens {2}; derzeit belegt: {3}.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>After every fifth step</source>
        <translation>Nach jedem fünften Schritt</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>After every second step</source>
        <translation>Nach jedem zweiten Schritt</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>After every step</source>
        <translation>Nach jedem Schritt</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>An update of the system or of a driver can spoil pictures without any error. So what a device computes in a number format is compared with known results once, when it is first used, and again after updates.</source>
        <translation>Ein Update des Systems oder eines Treibers kann Bilder verderben, ohne dass ein Fehler gemeldet wird. Deshalb wird, was ein Gerät in einem Zahlenformat rechnet, einmal mit bekannten Ergebnissen verglichen, wenn es zum ersten Mal benutzt wird, und nach Updates wieder.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>As the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Before and after, on the canvas</source>
        <translation>Vorher und nachher, auf der Leinwand</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Cancel the chosen job, in the queue</source>
        <translation>Den gewählten Auftrag abbrechen, in der Warteschlange</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Check pictures with the model's safety checker, if it has one</source>
        <translation>Mit der Sicherheitsprüfung des Modells prüfen, falls vorhanden</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Checked, and right: {0}.</source>
        <translation>Geprüft und richtig: {0}.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Choose…</source>
        <translation>Wählen…</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>Clear</source>
        <translation>Leeren</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>Clear what was kept of models</source>
        <translation>Leeren, was von Modellen aufbewahrt wurde</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Data</source>
        <translation>Daten</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Device and Memory</source>
        <translation>Gerät und Speicher</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Draw at half the pace, and rest before it switches itself off</source>
        <translation>Mit halbem Tempo zeichnen und anhalten, bevor er sich abschaltet</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Draw on</source>
        <translation>Weiterzeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Drawing</source>
        <translation>Zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Elsewhere</source>
        <translation>Anderswo</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>File name</source>
        <translation>Dateiname</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Folder for Pictures</source>
        <translation>Ordner für Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Folder for pictures</source>
        <translation>Ordner für Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Full-size models run in {0}. {1}</source>
        <translation>Modelle voller Größe rechnen mit {0}. {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Give Back the Models' Memory</source>
        <translation>Speicher der Modelle freigeben</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>In heat</source>
        <translation>Bei Hitze</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>It was not measured yet which number format is fastest here; it takes a few seconds.</source>
        <translation>Welches Zahlenformat hier am schnellsten ist, wurde noch nicht gemessen; das dauert einige Sekunden.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>Keep models prepared for this processor: they start faster</source>
        <translation>Modelle für diesen Prozessor vorbereitet aufbewahren: Sie starten schneller</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Keep the computer awake while drawing; the display may sleep</source>
        <translation>Computer beim Zeichnen wach halten; der Bildschirm darf schlafen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Keyboard Shortcuts</source>
        <translation>Tastenkürzel</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Larger brush, while painting a mask</source>
        <translation>Größerer Pinsel, beim Malen einer Maske</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Less</source>
        <translation>Weniger</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Let other programs and a browser draw here</source>
        <translation>Andere Programme und einen Browser hier zeichnen lassen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Look</source>
        <translation>Aussehen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Measure</source>
        <translation>Messen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Measure Again</source>
        <translation>Neu messen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Measuring; it is best to do nothing else meanwhile.</source>
        <translation>Es wird gemessen; am besten läuft so lange nichts anderes.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Memory</source>
        <translation>Speicher</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Memory in use</source>
        <translation>Belegter Speicher</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Models, the gallery's index, thumbnails and logs. SDEDGE_HOME names another place.</source>
        <translation>Modelle, das Verzeichnis der Galerie, Vorschaubilder und Protokolle. SDEDGE_HOME nennt einen anderen Ort.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Motion</source>
        <translation>Bewegung</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Never</source>
        <translation>Nie</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>On battery</source>
        <translation>Mit Akku</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Other programs</source>
        <translation>Andere Programme</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Pictures</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Port</source>
        <translation>Port</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Port of the server</source>
        <translation>Port des Servers</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Preview</source>
        <translation>Vorschau</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Rest</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Rest before it switches itself off</source>
        <translation>Anhalten, bevor er sich abschaltet</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Rest below {0}</source>
        <translation>Unter {0} anhalten</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Rest on battery</source>
        <translation>Im Akkubetrieb anhalten</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Show in Folder</source>
        <translation>Im Ordner zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Smaller brush, while painting a mask</source>
        <translation>Kleinerer Pinsel, beim Malen einer Maske</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>Speeds</source>
        <translation>Tempo</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>Stable Diffusion v1 for the machine in front of you. It opens no network connection by itself.</source>
        <translation>Stable Diffusion v1 für den Computer vor Ihnen. Von selbst öffnet es keine Netzverbindung.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Storage</source>
        <translation>Speicherort</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Such as {0}</source>
        <translation>Etwa {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Tell me in other windows when the queue is done or stops</source>
        <translation>In anderen Fenstern melden, wenn die Warteschlange leer ist oder anhält</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Template of file names</source>
        <translation>Vorlage für Dateinamen</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>The engine's process holds {0}, which counts as free for pictures.</source>
        <translation>Der Prozess des Rechenwerks hält {0}, die für Bilder als frei zählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>The next picture is planned with about {0}, in mode “{1}”.</source>
        <translation>Das nächste Bild ist mit etwa {0} geplant, im Modus „{1}“.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>The next picture's memory cannot be planned for this model.</source>
        <translation>Für dieses Modell lässt sich der Speicher des nächsten Bildes nicht planen.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/help.py"/>
        <source>The prompt before, in the prompt</source>
        <translation>Der vorige Prompt, im Prompt</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Theme</source>
        <translation>Thema</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>There is no place {folder}; choose a folder of this computer.</source>
        <translation>Den Ort {folder} gibt es nicht; bitte einen Ordner dieses Computers wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>This system does not say how much memory is free.</source>
        <translation>Dieses System sagt nicht, wie viel Speicher frei ist.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>When the computer is hot</source>
        <translation>Wenn der Computer heiß ist</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>Write the settings into the files</source>
        <translation>Die Einstellungen in die Dateien schreiben</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/packed.py"/>
        <source>none</source>
        <translation>nichts</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>refused</source>
        <translation>abgelehnt</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>sdedge speaks it when it is started the next time.</source>
        <translation>sdedge spricht sie nach dem nächsten Start.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>{0} is being checked.</source>
        <translation>{0} wird geprüft.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>{0} is being checked: {1} of {2} results are there.</source>
        <translation>{0} wird geprüft: {1} von {2} Ergebnissen liegen vor.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/device.py"/>
        <source>{0} of {1} are free.</source>
        <translation>{0} von {1} sind frei.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>{0}: for programs of this computer alone</source>
        <translation>{0}: nur für Programme dieses Computers</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>{folder} cannot be written to; choose another folder.</source>
        <translation>In {folder} kann nicht geschrieben werden; bitte einen anderen Ordner wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/dialogs/settings.py"/>
        <source>{folder} is a file; choose a folder.</source>
        <translation>{folder} ist eine Datei; bitte einen Ordner wählen.</translation>
    </message>
</context>
</TS>
