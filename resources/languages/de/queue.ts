<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>queue</name>
    <message numerus="yes">
        <location filename="../../../gui/queue/model.py"/>
        <source>%n pictures</source>
        <translation>
            <numerusform>%n Bild</numerusform>
            <numerusform>%n Bilder</numerusform>
        </translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>(no prompt)</source>
        <translation>(kein Prompt)</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>A job that waited was cancelled.</source>
        <translation>Ein wartender Auftrag wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Cancel now</source>
        <translation>Jetzt abbrechen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/job_list.py"/>
        <source>Cancel this job (Del)</source>
        <translation>Diesen Auftrag abbrechen (Entf)</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Cancelled: {0} of {1} pictures were drawn.</source>
        <translation>Abgebrochen: {0} von {1} Bildern wurden gezeichnet.</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Draw earlier</source>
        <translation>Früher zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Draw later</source>
        <translation>Später zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Draw the same again</source>
        <translation>Noch einmal zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Drawn now</source>
        <translation>Wird gerade gezeichnet</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>End after this picture</source>
        <translation>Nach diesem Bild beenden</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>End the engine at once</source>
        <translation>Rechenwerk sofort beenden</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Finished</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Finished ({0})</source>
        <translation>Fertig ({0})</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Finished jobs</source>
        <translation>Fertige Aufträge</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Forget it</source>
        <translation>Vergessen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/job_list.py"/>
        <source>Forget this job; its pictures stay</source>
        <translation>Diesen Auftrag vergessen; seine Bilder bleiben</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Go on</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Go on with the queue</source>
        <translation>Warteschlange fortsetzen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Hold</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Nothing waits. Each press of Generate lines up here.</source>
        <translation>Nichts wartet. Jeder Klick auf „Erzeugen“ reiht hier einen Auftrag ein.</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Paused.</source>
        <translation>Angehalten.</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Queue</source>
        <translation>Warteschlange</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Try again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Use its settings</source>
        <translation>Einstellungen übernehmen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/board.py"/>
        <source>You paused it.</source>
        <translation>Sie haben sie angehalten.</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>about {0} left</source>
        <translation>noch etwa {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>cancelled</source>
        <translation>abgebrochen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>done</source>
        <translation>fertig</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>drawn, the engine is checked</source>
        <translation>gezeichnet, das Rechenwerk wird geprüft</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>ending</source>
        <translation>wird beendet</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>ends after this picture</source>
        <translation>endet nach diesem Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>failed</source>
        <translation>fehlgeschlagen</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>on hold</source>
        <translation>angehalten</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>pass {0}/{1}</source>
        <translation>Durchgang {0}/{1}</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>starting</source>
        <translation>beginnt</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>step {0}/{1}</source>
        <translation>Schritt {0}/{1}</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>waiting</source>
        <translation>wartet</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>{0} of {1}</source>
        <translation>{0} von {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>{0} of {1} pictures</source>
        <translation>{0} von {1} Bildern</translation>
    </message>
    <message>
        <source>Cancel after this picture</source>
        <translation type="vanished">Nach diesem Bild abbrechen</translation>
    </message>
</context>
</TS>
