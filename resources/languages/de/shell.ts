<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>shell</name>
    <message numerus="yes">
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>%n pictures are favourites.</source>
        <translation>
            <numerusform>Ein Bild ist jetzt Favorit.</numerusform>
            <numerusform>%n Bilder sind jetzt Favoriten.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>%n pictures are no favourites.</source>
        <translation>
            <numerusform>Ein Bild ist kein Favorit mehr.</numerusform>
            <numerusform>%n Bilder sind keine Favoriten mehr.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>%n pictures moved to the trash.</source>
        <translation>
            <numerusform>Ein Bild in den Papierkorb gelegt.</numerusform>
            <numerusform>%n Bilder in den Papierkorb gelegt.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>%n variations of the picture are drawn.</source>
        <translation>
            <numerusform>Eine Variation des Bildes wird gezeichnet.</numerusform>
            <numerusform>%n Variationen des Bildes werden gezeichnet.</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;About sdedge</source>
        <translation>Ü&amp;ber sdedge</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Actual Size</source>
        <translation>&amp;Originalgröße</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Before and After</source>
        <translation>&amp;Vorher und nachher</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Boards…</source>
        <translation>Samm&amp;lungen…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Cancel the Picture</source>
        <translation>Bild &amp;abbrechen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Copy</source>
        <translation>&amp;Kopieren</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Create</source>
        <translation>&amp;Erstellen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Device and Memory…</source>
        <translation>Gerät und &amp;Speicher…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Edit</source>
        <translation>&amp;Bearbeiten</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Favourite</source>
        <translation>&amp;Favorit</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;File</source>
        <translation>&amp;Datei</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Fit the Window</source>
        <translation>&amp;An Fenster anpassen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Forget Finished Jobs</source>
        <translation>&amp;Fertige Aufträge vergessen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Gallery</source>
        <translation>&amp;Galerie</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Generate</source>
        <translation>Er&amp;zeugen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Help</source>
        <translation>&amp;Hilfe</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Keep the Seed</source>
        <translation>Seed &amp;behalten</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Keyboard Shortcuts</source>
        <translation>&amp;Tastenkürzel</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Less Weight on the Word</source>
        <translation>Weni&amp;ger Gewicht für das Wort</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Models</source>
        <translation>&amp;Modelle</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;More Weight on the Word</source>
        <translation>&amp;Mehr Gewicht für das Wort</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;New Picture</source>
        <translation>&amp;Neues Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Open Picture…</source>
        <translation>Bild ö&amp;ffnen…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Paint a Part Anew</source>
        <translation>Einen Teil neu &amp;malen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Paste</source>
        <translation>&amp;Einfügen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Pause the Queue</source>
        <translation>Warteschlange an&amp;halten</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Picture</source>
        <translation>B&amp;ild</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Queue</source>
        <translation>&amp;Warteschlange</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Queue and Recent Pictures</source>
        <translation>&amp;Warteschlange und letzte Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Quit</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Random Seed</source>
        <translation>Zufälliger &amp;Seed</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Redo</source>
        <translation>&amp;Wiederholen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Save a Copy…</source>
        <translation>Kop&amp;ie speichern…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Settings…</source>
        <translation>Ein&amp;stellungen…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Undo</source>
        <translation>&amp;Rückgängig</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Use These Settings</source>
        <translation>&amp;Diese Einstellungen verwenden</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;Vary</source>
        <translation>&amp;Variieren</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>&amp;View</source>
        <translation>&amp;Ansicht</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>A backup is under way; wait until it is done.</source>
        <translation>Eine Sicherung läuft bereits; bitte warten, bis sie fertig ist.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>A copy is saved as {0}.</source>
        <translation>Die Kopie ist als {0} gespeichert.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/background.py"/>
        <source>A file</source>
        <translation>Eine Datei</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/notifier.py"/>
        <source>A picture could not be drawn; the window says why.</source>
        <translation>Ein Bild konnte nicht gezeichnet werden; das Fenster sagt, warum.</translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/trash.py"/>
        <source>And %n more.</source>
        <translation>
            <numerusform>Und eines mehr.</numerusform>
            <numerusform>Und %n weitere.</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Archive</source>
        <translation>Archiv</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Choose the picture…</source>
        <translation>Bild wählen…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Clear the Pr&amp;ompt</source>
        <translation>&amp;Prompt leeren</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/mac.py"/>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Close and End It</source>
        <translation>Schließen und beenden</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Close sdedge?</source>
        <translation>sdedge schließen?</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/banner.py"/>
        <source>Close this notice</source>
        <translation>Diesen Hinweis schließen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Co&amp;mpare Two Pictures</source>
        <translation>Zwei Bilder vergleic&amp;hen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Con&amp;vert</source>
        <translation>&amp;Konvertieren</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Cop&amp;y the Prompt</source>
        <translation>&amp;Prompt kopieren</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Copy the P&amp;icture</source>
        <translation>Bild &amp;kopieren</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Cu&amp;t</source>
        <translation>&amp;Ausschneiden</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Drop text into the prompt, where it belongs.</source>
        <translation>Text gehört in den Prompt; bitte dort fallen lassen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>E&amp;xport…</source>
        <translation>E&amp;xportieren…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>En&amp;large…</source>
        <translation>Vergr&amp;ößern…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>End &amp;After This Picture</source>
        <translation>&amp;Nach diesem Bild beenden</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Everything is being written…</source>
        <translation>Alles wird geschrieben…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Export &amp;Everything…</source>
        <translation>&amp;Alles exportieren…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Export Everything</source>
        <translation>Alles exportieren</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>F&amp;ull Screen</source>
        <translation>Voll&amp;bild</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Ge&amp;t Models</source>
        <translation>Modelle &amp;holen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Go on with the queue</source>
        <translation>Warteschlange fortsetzen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>I&amp;nformation</source>
        <translation>I&amp;nformationen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>It cannot be drawn like this.</source>
        <translation>So lässt es sich nicht zeichnen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>It could not be done.</source>
        <translation>Das ist nicht gelungen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>It could not be saved.</source>
        <translation>Es ließ sich nicht speichern.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>It is the picture of {0} under Models.</source>
        <translation>Es ist jetzt unter „Modelle“ das Bild von {0}.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>It was drawn from another picture, which sdedge does not open by itself.</source>
        <translation>Es ging von einem anderen Bild aus, das sdedge nicht von selbst öffnet.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Its VAE {0} is not installed and is left out.</source>
        <translation>Sein VAE {0} ist nicht installiert und wird weggelassen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Its model {0} is not installed; yours stays chosen.</source>
        <translation>Sein Modell {0} ist nicht installiert; das gewählte bleibt.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Keep It Open</source>
        <translation>Offen lassen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/mac.py"/>
        <source>Minimize</source>
        <translation>Im Dock ablegen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Model, device and memory</source>
        <translation>Modell, Gerät und Speicher</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Move to &amp;Trash</source>
        <translation>In den P&amp;apierkorb</translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/shell/drops.py"/>
        <source>Only the first of %n pictures is used.</source>
        <translation>
            <numerusform>Nur das erste Bild wird verwendet.</numerusform>
            <numerusform>Nur das erste von %n Bildern wird verwendet.</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Paths of LoRAs are not followed, only their names looked up: {0}.</source>
        <translation>Pfaden von LoRAs wird nicht gefolgt, nur ihre Namen werden nachgeschlagen: {0}.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Picture of Its M&amp;odel</source>
        <translation>Als Bild seines M&amp;odells</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>Pictures ({0})</source>
        <translation>Bilder ({0})</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Prompt &amp;History…</source>
        <translation>Prompt-&amp;Verlauf…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Read a &amp;Backup…</source>
        <translation>Sicherung &amp;einlesen…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Read a Backup</source>
        <translation>Sicherung einlesen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>S&amp;wap Width and Height</source>
        <translation>Breite und Höhe &amp;tauschen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>Save a Copy</source>
        <translation>Kopie speichern</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Select &amp;All</source>
        <translation>A&amp;lles auswählen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Show Pictures &amp;Folder</source>
        <translation>Bilder&amp;ordner zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Show in Fol&amp;der</source>
        <translation>Im O&amp;rdner zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>Show in Folder</source>
        <translation>Im Ordner zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Show the &amp;Log</source>
        <translation>&amp;Protokoll zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/app.py"/>
        <source>Show the log</source>
        <translation>Protokoll zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Show the models</source>
        <translation>Modelle zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>Something is wrong with the model.</source>
        <translation>Mit dem Modell stimmt etwas nicht.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/background.py"/>
        <source>Something unexpected happened ({name}: {message}).</source>
        <translation>Etwas Unerwartetes ist passiert ({name}: {message}).</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/crash.py"/>
        <source>Something unexpected happened ({name}: {message}); the log says where.</source>
        <translation>Etwas Unerwartetes ist passiert ({name}: {message}); das Protokoll sagt, wo.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>Something unexpected happened.</source>
        <translation>Etwas Unerwartetes ist geschehen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Start From T&amp;his Picture</source>
        <translation>Von diesem Bild aus&amp;gehen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>The backup</source>
        <translation>Die Sicherung</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>The backup is being read…</source>
        <translation>Die Sicherung wird eingelesen…</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>The engine no longer answers.</source>
        <translation>Das Rechenwerk antwortet nicht mehr.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/status.py"/>
        <source>The engine uses {0}; {1} GB are free.</source>
        <translation>Das Rechenwerk belegt {0}; {1} GB sind frei.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>The engine's process has ended unexpectedly.</source>
        <translation>Der Prozess des Rechenwerks ist unerwartet zu Ende gegangen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/studio.py"/>
        <source>The form has the picture's settings.</source>
        <translation>Das Formular hat die Einstellungen des Bildes.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>The gallery's database cannot be used.</source>
        <translation>Die Datenbank der Galerie lässt sich nicht benutzen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/bridge.py"/>
        <source>The gallery's database is damaged and is made anew; try again in a moment.</source>
        <translation>Die Datenbank der Galerie ist beschädigt und wird neu angelegt; bitte gleich noch einmal versuchen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/studio.py"/>
        <source>The next picture starts from noise again.</source>
        <translation>Das nächste Bild beginnt wieder mit Rauschen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>The picture is copied.</source>
        <translation>Das Bild ist kopiert.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/studio.py"/>
        <source>The picture to start from is another, without the mask and edges of the one before.</source>
        <translation>Das Ausgangsbild ist ein anderes, ohne Maske und Ränder des vorherigen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/picture_actions.py"/>
        <source>The prompt is copied.</source>
        <translation>Der Prompt ist kopiert.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/notifier.py"/>
        <source>The queue is done.</source>
        <translation>Die Warteschlange ist abgearbeitet.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>The queue is paused. {0}</source>
        <translation>Die Warteschlange ist angehalten. {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/notifier.py"/>
        <source>The queue is paused; the window says why.</source>
        <translation>Die Warteschlange ist angehalten; das Fenster sagt, warum.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/studio.py"/>
        <source>The region is taken out.</source>
        <translation>Der Bereich wurde entfernt.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/serving.py"/>
        <source>The server has ended.</source>
        <translation>Der Server ist beendet.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/app.py"/>
        <source>The window comes forward, with what you opened, as soon as it answers. A second one is not opened: both would draw from one queue. If it never answers, end its process, number {0}.</source>
        <translation>Das Fenster kommt nach vorn, mit dem, was Sie geöffnet haben, sobald es antwortet. Ein zweites wird nicht geöffnet: Beide würden dieselbe Warteschlange abarbeiten. Antwortet es nie, beenden Sie seinen Prozess mit der Nummer {0}.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>There is no file at {0} any more.</source>
        <translation>Unter {0} ist keine Datei mehr.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/advice.py"/>
        <source>There is not enough memory.</source>
        <translation>Der Arbeitsspeicher reicht nicht.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>There is nothing to paste.</source>
        <translation>Es gibt nichts einzufügen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/editing.py"/>
        <source>There is nothing to undo.</source>
        <translation>Es gibt nichts rückgängig zu machen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/window.py"/>
        <source>Try again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/studio.py"/>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Use This Se&amp;ed</source>
        <translation>Diesen S&amp;eed verwenden</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>Use its settings</source>
        <translation>Einstellungen übernehmen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/mac.py"/>
        <source>Window</source>
        <translation>Fenster</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/mac.py"/>
        <source>Zoom</source>
        <translation>Zoomen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Zoom &amp;In</source>
        <translation>Hinein&amp;zoomen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/actions.py"/>
        <source>Zoom &amp;Out</source>
        <translation>He&amp;rauszoomen</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/app.py"/>
        <source>sdedge ended unexpectedly the last time. Nothing was sent anywhere.</source>
        <translation>sdedge wurde beim letzten Mal unerwartet beendet. Es wurde nichts irgendwohin gesendet.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/app.py"/>
        <source>sdedge is open and busy.</source>
        <translation>sdedge ist geöffnet und beschäftigt.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>sdedge opens no network addresses. Save the picture first and drop the file.</source>
        <translation>sdedge öffnet keine Netzadressen. Bitte das Bild erst speichern und dann die Datei fallen lassen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/pictures.py"/>
        <source>the picture is gone or damaged</source>
        <translation>das Bild ist verschwunden oder beschädigt</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>{0} is a folder without a model in it. Drop a picture, or the folder of a model.</source>
        <translation>{0} ist ein Ordner ohne Modell. Bitte ein Bild oder den Ordner eines Modells fallen lassen.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>{0} is not finished.</source>
        <translation>{0}: noch nicht fertig.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/status.py"/>
        <source>{0} of {1} GB</source>
        <translation>{0} von {1} GB</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>{0} pictures and {1} waiting jobs were written.</source>
        <translation>Geschrieben wurden – Bilder: {0}, wartende Aufträge: {1}.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/backups.py"/>
        <source>{0} pictures came back, {1} were here.</source>
        <translation>Bilder zurückgeholt: {0}; schon hier: {1}.</translation>
    </message>
    <message>
        <location filename="../../../gui/shell/drops.py"/>
        <source>{0} says how it was made ({1}).</source>
        <translation>{0} sagt, wie es entstanden ist ({1}).</translation>
    </message>
    <message>
        <source>Cancel &amp;After This Picture</source>
        <translation type="vanished">&amp;Nach diesem Bild abbrechen</translation>
    </message>
</context>
</TS>
