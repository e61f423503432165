<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>create</name>
    <message numerus="yes">
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>%n pictures</source>
        <translation>
            <numerusform>%n Bild</numerusform>
            <numerusform>%n Bilder</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>A blue house at night</source>
        <translation>Ein blaues Haus bei Nacht</translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>A red rocket over the desert</source>
        <translation>Eine rote Rakete über der Wüste</translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>A white lighthouse at sunset</source>
        <translation>Ein weißer Leuchtturm bei Sonnenuntergang</translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>Add one of your own</source>
        <translation>Ein eigenes hinzufügen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>After</source>
        <translation>Nachher</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>Before</source>
        <translation>Vorher</translation>
    </message>
    <message>
        <location filename="../../../gui/create/detections.py"/>
        <source>Boxes to draw again: {0}, found in {1} s</source>
        <translation>Kästen, die neu gezeichnet werden: {0}, gefunden in {1} s</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Brush: draw anew</source>
        <translation>Pinsel: neu zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Cancelled.</source>
        <translation>Abgebrochen.</translation>
    </message>
    <message numerus="yes">
        <location filename="../../../gui/create/presenter.py"/>
        <source>Cancelled. %n finished pictures are kept.</source>
        <translation>
            <numerusform>Abgebrochen. %n fertiges Bild bleibt erhalten.</numerusform>
            <numerusform>Abgebrochen. %n fertige Bilder bleiben erhalten.</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Cancelling</source>
        <translation>Wird abgebrochen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Choose a folder…</source>
        <translation>Ordner wählen…</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Clear</source>
        <translation>Leeren</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Decoding</source>
        <translation>Wird dekodiert</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Denoising</source>
        <translation>Entrauschen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Done.</source>
        <translation>Fertig.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_boxes.py"/>
        <source>Drag an edge outwards</source>
        <translation>Einen Rand nach außen ziehen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_boxes.py"/>
        <source>Drag on the picture to draw a region</source>
        <translation>Auf dem Bild ziehen, um einen Bereich anzulegen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/picture_toolbar.py"/>
        <source>Drag the picture out, or click to see its folder</source>
        <translation>Das Bild herausziehen, oder klicken, um seinen Ordner zu sehen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Draw at {0} × {1}</source>
        <translation>Mit {0} × {1} zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Draw one at a time</source>
        <translation>Einzeln zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_boxes.py"/>
        <source>Edges to add to the picture</source>
        <translation>Ränder, um die das Bild erweitert wird</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>End After This Picture</source>
        <translation>Nach diesem Bild beenden</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Enlarging</source>
        <translation>Wird vergrößert</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Eraser: keep</source>
        <translation>Radierer: behalten</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Finding what to draw again</source>
        <translation>Was neu zu zeichnen ist, wird gesucht</translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>Get a Stable Diffusion v1 model</source>
        <translation>Ein Stable-Diffusion-v1-Modell holen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Go on with the queue</source>
        <translation>Warteschlange fortsetzen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Hint of {0}</source>
        <translation>Vorlage von {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Invert</source>
        <translation>Umkehren</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Keep what is drawn, and leave out the rest ({0})</source>
        <translation>Behalten, was gezeichnet ist, und den Rest weglassen ({0})</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Loading the model</source>
        <translation>Modell wird geladen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Loading the model for the first time, which takes minutes once</source>
        <translation>Modell wird zum ersten Mal geladen, was einmalig Minuten dauert</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Loading the safety checker</source>
        <translation>Sicherheitsprüfung wird geladen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/box_overlay.py"/>
        <source>No boxes</source>
        <translation>Keine Rahmen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/detections.py"/>
        <source>Nothing</source>
        <translation>Nichts</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>Picture</source>
        <translation>Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Picture {0} of {1}</source>
        <translation>Bild {0} von {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Planning the memory</source>
        <translation>Speicher wird geplant</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Preview</source>
        <translation>Vorschau</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Progress</source>
        <translation>Fortschritt</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Reading the prompt</source>
        <translation>Prompt wird gelesen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/recent.py"/>
        <source>Recent</source>
        <translation>Neueste</translation>
    </message>
    <message>
        <location filename="../../../gui/create/recent.py"/>
        <source>Recent pictures</source>
        <translation>Neueste Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Redo the stroke</source>
        <translation>Strich wiederholen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_boxes.py"/>
        <source>Regions of the picture</source>
        <translation>Bereiche des Bildes</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Saving</source>
        <translation>Wird gespeichert</translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>Say what you want to see</source>
        <translation>Sagen Sie, was Sie sehen möchten</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Seed {0}</source>
        <translation>Seed {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Seeds {0} to {1}</source>
        <translation>Seeds {0} bis {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/grid_sheets.py"/>
        <source>Show it</source>
        <translation>Anzeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Show the log</source>
        <translation>Protokoll zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Show the models</source>
        <translation>Modelle zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Size of the brush ([ and ], or Shift and the wheel)</source>
        <translation>Pinselgröße ([ und ] oder Umschalt und Mausrad)</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Size of the brush in pixels</source>
        <translation>Pinselgröße in Pixeln</translation>
    </message>
    <message>
        <location filename="../../../gui/create/view.py"/>
        <source>Start from noise</source>
        <translation>Mit Rauschen beginnen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Starting the engine</source>
        <translation>Rechenwerk wird gestartet</translation>
    </message>
    <message>
        <location filename="../../../gui/create/view.py"/>
        <source>The form starts from {0}, as you left it.</source>
        <translation>Ausgangsbild ist weiterhin {0}.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/grid_sheets.py"/>
        <source>The grid is saved as {0}.</source>
        <translation>Das Raster ist als {0} gespeichert.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/mask_brush.py"/>
        <source>The mask that was painted went with its picture.</source>
        <translation>Die gemalte Maske ist mit ihrem Bild gegangen.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>The model “pocket” is ready. It is small and draws two dozen kinds of things, from houses and boats to cats and rockets, by day and at night, in snow and rain. Nothing you type or draw leaves this computer. Try one of these, then press Generate.</source>
        <translation>Das Modell „pocket“ ist bereit. Es ist klein und zeichnet zwei Dutzend Arten von Dingen, von Häusern und Booten bis zu Katzen und Raketen, am Tag und bei Nacht, bei Schnee und Regen. Nichts, was Sie eingeben oder zeichnen, verlässt diesen Computer. Probieren Sie eines davon aus und klicken Sie dann auf „Erzeugen“.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>The picture is drawn. The engine is checked before it is shown, once on this machine</source>
        <translation>Das Bild ist gezeichnet. Bevor es gezeigt wird, wird das Rechenwerk geprüft, einmal auf diesem Computer</translation>
    </message>
    <message>
        <location filename="../../../gui/create/view.py"/>
        <source>The prompt is empty. Write what you want to see, or press Generate again to draw without one.</source>
        <translation>Der Prompt ist leer. Beschreiben Sie, was zu sehen sein soll, oder klicken Sie noch einmal auf „Erzeugen“, um ohne Prompt zu zeichnen.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>The queue is paused. {0}</source>
        <translation>Die Warteschlange ist angehalten. {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>The safety checker filtered the picture of seed {0}; a card stands in its place.</source>
        <translation>Die Sicherheitsprüfung hat das Bild mit Seed {0} gefiltert; an seiner Stelle steht eine Karte.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>The safety checker is off; Settings turn it on again.</source>
        <translation>Die Sicherheitsprüfung ist aus; in den Einstellungen lässt sie sich wieder einschalten.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/detections.py"/>
        <source>There is no picture on the canvas; draw one, or choose one.</source>
        <translation>Auf der Leinwand ist kein Bild; zeichne eins, oder wähle eins.</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Try again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Turn the checker off</source>
        <translation>Prüfung ausschalten</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Undo the stroke</source>
        <translation>Strich rückgängig machen</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>What Is Checked?</source>
        <translation>Was wird geprüft?</translation>
    </message>
    <message>
        <location filename="../../../gui/create/detections.py"/>
        <source>What the detector finds</source>
        <translation>Was der Detektor findet</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Zoom {0}</source>
        <translation>Zoom {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>about {0} left</source>
        <translation>noch etwa {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>before</source>
        <translation>vorher</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>continued at step {0}</source>
        <translation>fortgesetzt bei Schritt {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>empty</source>
        <translation>leer</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>ends after this picture</source>
        <translation>endet nach diesem Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>engine check {0} of {1}</source>
        <translation>Prüfung des Rechenwerks: {0} von {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>first step</source>
        <translation>erster Schritt</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>large models take up to a minute; a first compilation takes minutes</source>
        <translation>große Modelle brauchen bis zu einer Minute; ein erstes Kompilieren dauert Minuten</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>pass {0} of {1}</source>
        <translation>Durchgang {0} von {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>preview</source>
        <translation>Vorschau</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>step {0} of {1}</source>
        <translation>Schritt {0} von {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>the engine is checked beside</source>
        <translation>nebenher wird das Rechenwerk geprüft</translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>zoom {0}</source>
        <translation>Zoom {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>{0} of {1} checked</source>
        <translation>{0} von {1} geprüft</translation>
    </message>
    <message>
        <location filename="../../../gui/create/box_overlay.py"/>
        <source>{0} of {1}: {2} {3}</source>
        <translation>{0} von {1}: {2} {3}</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation type="vanished">Abbrechen</translation>
    </message>
    <message>
        <source>Cancel the picture ({0})</source>
        <translation type="vanished">Bild abbrechen ({0})</translation>
    </message>
    <message>
        <source>Checking the engine</source>
        <translation type="vanished">Rechenwerk wird geprüft</translation>
    </message>
    <message>
        <source>The prompt is cleared.</source>
        <translation type="vanished">Der Prompt wurde geleert.</translation>
    </message>
</context>
</TS>
