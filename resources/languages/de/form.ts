<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>form</name>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>A CSV of tags, as A1111's tag completion reads it: tag, kind, count, other names</source>
        <translation>CSV-Datei mit Tags, wie sie die Tag-Vervollständigung von A1111 liest: Tag, Art, Anzahl, andere Namen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>A ControlNet, T2I-Adapter or IP-Adapter, with a picture that says what goes where</source>
        <translation>Ein ControlNet, T2I-Adapter oder IP-Adapter mit einem Bild, das vorgibt, was wohin gehört</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>A line of a list, chosen by the seed</source>
        <translation>Eine Zeile einer Liste, vom Seed gewählt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/mask_choice.py"/>
        <source>A mask</source>
        <translation>Eine Maske</translation>
    </message>
    <message>
        <location filename="../../../gui/form/mask_choice.py"/>
        <source>A mask's file…</source>
        <translation>Maskendatei…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>A picture for the control</source>
        <translation>Bild für die Steuerung</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>A prompt for these alone; [SEP] stands between the prompts of several.</source>
        <translation>Ein Prompt nur für diese Stellen; [SEP] trennt die Prompts mehrerer Stellen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>A region without the mouse, in a part of the picture that is free: a half, a third or a quarter</source>
        <translation>Ein Bereich ohne die Maus, in einem freien Teil des Bildes: Hälfte, Drittel oder Viertel</translation>
    </message>
    <message>
        <location filename="../../../gui/form/tokens.py"/>
        <source>A wildcard may bring the LoRA {0}, and this converted model takes none; choose another wildcard, or use the model it was made from.</source>
        <translation>Eine Wildcard kann die LoRA {0} bringen, und dieses konvertierte Modell nimmt keine; eine andere Wildcard wählen oder das ursprüngliche Modell verwenden.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Across</source>
        <translation>Waagerecht</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Acts from this fraction of the steps</source>
        <translation>Wirkt ab diesem Anteil der Schritte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Acts up to this fraction of the steps</source>
        <translation>Wirkt bis zu diesem Anteil der Schritte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Add a LoRA…</source>
        <translation>LoRA hinzufügen…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>Add a control…</source>
        <translation>Steuerung hinzufügen…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Add a detector under Models, such as face_yolov8n.</source>
        <translation>Unter „Modelle“ einen Detektor hinzufügen, zum Beispiel face_yolov8n.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Add a region</source>
        <translation>Bereich hinzufügen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Add an embedding…</source>
        <translation>Embedding hinzufügen…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Add to the Paused Queue</source>
        <translation>In angehaltene Warteschlange</translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Add to the queue</source>
        <translation>In die Warteschlange stellen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/image_section.py"/>
        <location filename="../../../gui/form/mask_choice.py"/>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/more_section.py"/>
        <source>Also, from a picture: {0}</source>
        <translation>Außerdem, aus einem Bild: {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Another prompt while it is drawn anew; empty is the one above.</source>
        <translation>Anderer Prompt beim Neuzeichnen; leer heißt: der obige.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Apply a style…</source>
        <translation>Stil anwenden…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Area</source>
        <translation>Fläche</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Area of region {0}</source>
        <translation>Fläche von Bereich {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Around it</source>
        <translation>Umgebung</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>As a whole</source>
        <translation>Als Ganzes</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>Asking…</source>
        <translation>Wird ermittelt…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>At most</source>
        <translation>Höchstens</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Attention</source>
        <translation>Attention</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Attention costs next to nothing; prediction works with every engine, half a step each; window shows the model each region by itself, for wide pictures.</source>
        <translation>Attention kostet fast nichts; Vorhersage geht mit jeder Engine, je einen halben Schritt; Fenster zeigt dem Modell jeden Bereich für sich, für breite Bilder.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Away from what is drawn without looking at the whole. Half a step more for each step.</source>
        <translation>Weg von dem, was ohne Blick auf das Ganze entsteht. Je Schritt ein halber Schritt mehr.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Base</source>
        <translation>Grundanteil</translation>
    </message>
    <message>
        <location filename="../../../gui/form/more_section.py"/>
        <source>Batch size</source>
        <translation>Stapelgröße</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Becomes, for example: {0}</source>
        <translation>Wird zum Beispiel zu: {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Beside it</source>
        <translation>Seitlich</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Boxes over the picture on the canvas, found by a process of its own; nothing is drawn.</source>
        <translation>Kästen über dem Bild auf der Leinwand, von einem eigenen Prozess gefunden; gezeichnet wird nichts.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>By</source>
        <translation>Verfahren</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>By its sides</source>
        <translation>Nach seinen Seiten</translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Cancel the picture</source>
        <translation>Bild abbrechen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Cancelling</source>
        <translation>Wird abgebrochen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/tag_list.py"/>
        <source>Cannot read tags from {0} ({1}); choose a CSV of tags.</source>
        <translation>Aus {0} lassen sich keine Tags lesen ({1}); eine CSV-Datei mit Tags wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Change the mask</source>
        <translation>Maske ändern</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Choose a file…</source>
        <translation>Datei wählen…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Choose a picture</source>
        <translation>Bild wählen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Choose tags to complete</source>
        <translation>Tags zum Vervollständigen wählen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Choose the picture of {0}</source>
        <translation>Bild für {0} wählen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Choose what to compare, and write its values with commas between.</source>
        <translation>Wählen, was verglichen wird, und die Werte durch Kommas getrennt eingeben.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Choose…</source>
        <translation>Wählen…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Clearer structure (PAG)</source>
        <translation>Klarere Struktur (PAG)</translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Compare in a grid</source>
        <translation>Im Raster vergleichen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Complete no tags</source>
        <translation>Keine Tags vervollständigen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Control model</source>
        <translation>Control-Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Count</source>
        <translation>Anzahl</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Counts</source>
        <translation>Vorrang</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Cut to the picture</source>
        <translation>Zugeschnitten</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Down</source>
        <translation>Senkrecht</translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Drag handles on the canvas outwards: what is added is drawn; an arrow key adds on its side</source>
        <translation>Griffe auf der Leinwand nach außen ziehen: Was hinzukommt, wird gezeichnet; eine Pfeiltaste erweitert auf ihrer Seite</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Drag on the canvas to draw a region; move it, or drag its edges, which snap unless Ctrl is held</source>
        <translation>Auf der Leinwand ziehen, um einen Bereich zu zeichnen; ihn verschieben oder an seinen Kanten ziehen, die einrasten, solange Strg nicht gedrückt ist</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Draw on the picture</source>
        <translation>Auf dem Bild aufziehen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/memory_hint.py"/>
        <source>Draw one at a time, which fits</source>
        <translation>Einzeln zeichnen, das passt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Draw the grid</source>
        <translation>Raster zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Draw with it; off, it keeps its place and its weight.</source>
        <translation>Damit zeichnen; ausgeschaltet behält sie Platz und Gewicht.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Draw with {0}</source>
        <translation>Mit {0} zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Drop a picture anywhere on the window, or choose one.</source>
        <translation>Ein Bild irgendwo auf das Fenster ziehen oder eines wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Enlarge</source>
        <translation>Vergrößern</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Everywhere</source>
        <translation>Überall</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Faces, hands or whatever an installed detector finds, each drawn again at full size.</source>
        <translation>Gesichter, Hände oder was ein installierter Detektor findet, jeweils in voller Größe neu gezeichnet.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Fitted</source>
        <translation>Einpassung</translation>
    </message>
    <message>
        <location filename="../../../gui/form/more_section.py"/>
        <source>Forget these</source>
        <translation>Diese verwerfen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Fraction of the main prompt in it</source>
        <translation>Anteil des Hauptprompts darin</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Further settings</source>
        <translation>Weitere Einstellungen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Generate</source>
        <translation>Erzeugen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Grow</source>
        <translation>Wachsen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Guidance</source>
        <translation>Guidance</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Guidance of details</source>
        <translation>Guidance der Details</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Guidance of drawing it anew</source>
        <translation>Guidance beim Neuzeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Guidance while it is drawn anew; empty is as above.</source>
        <translation>Guidance beim Neuzeichnen; leer heißt: wie oben.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>High guidance without glare (APG)</source>
        <translation>Hohe Guidance, nicht grell (APG)</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Highest noise level</source>
        <translation>Höchste Rauschstufe</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Hint by</source>
        <translation>Vorlage per</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Hires fix</source>
        <translation>Hires-Fix</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How many times as wide and as high it becomes.</source>
        <translation>Um welchen Faktor Breite und Höhe wachsen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How much is drawn anew: little keeps the picture, much adds detail.</source>
        <translation>Wie viel neu gezeichnet wird: wenig bewahrt das Bild, viel ergänzt Details.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How much of each is drawn anew.</source>
        <translation>Wie viel davon jeweils neu gezeichnet wird.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>How much of the prompt above acts here too; more makes it one picture.</source>
        <translation>Wie stark der obige Prompt auch hier wirkt; mehr macht daraus ein Bild.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>How strongly it acts: 0 is not at all, 1 as it was trained.</source>
        <translation>Wie stark sie wirkt: 0 gar nicht, 1 wie trainiert.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How sure the detector must be</source>
        <translation>Wie sicher der Detektor sein muss</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How sure the detector must be of what it finds.</source>
        <translation>Wie sicher sich der Detektor bei seinen Funden sein muss.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>How the hint is fitted</source>
        <translation>Wie die Vorlage eingepasst wird</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>Hyper-SD's LoRA for 1 to 8 steps</source>
        <translation>die LoRA von Hyper-SD für 1 bis 8 Schritte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>In the data folder: {0}.</source>
        <translation>Im Datenordner: {0}.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>In windows</source>
        <translation>In Fenstern</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Insert a wildcard…</source>
        <translation>Wildcard einfügen…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/controlling.py"/>
        <source>It would act from {0} to {1} of the steps, which is no range; choose a smaller number first.</source>
        <translation>Es würde von {0} bis {1} der Schritte wirken, was kein Bereich ist; die erste Zahl muss kleiner sein.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>It would have no area; the first number is the smaller one.</source>
        <translation>Er hätte keine Fläche; die erste Zahl ist die kleinere.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Its weight in the UNet; in the text encoder it stays {0}.</source>
        <translation>Ihr Gewicht im UNet; im Text-Encoder bleibt es {0}.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Left half</source>
        <translation>Linke Hälfte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Left side, in fractions of the picture</source>
        <translation>Linke Seite, als Anteil des Bildes</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Left third</source>
        <translation>Linkes Drittel</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Lines up a picture for each pair, and puts them on one labelled sheet at the end</source>
        <translation>Reiht für jedes Paar ein Bild ein und setzt am Ende alle auf ein beschriftetes Blatt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Lists of tags (*.csv *.txt)</source>
        <translation>Tag-Listen (*.csv *.txt)</translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>LoRA and embeddings</source>
        <translation>LoRA und Embeddings</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Looking…</source>
        <translation>Wird gesucht …</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Lower half</source>
        <translation>Untere Hälfte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Lower left</source>
        <translation>Unten links</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Lower right</source>
        <translation>Unten rechts</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Lower side, in fractions of the picture</source>
        <translation>Untere Seite, als Anteil des Bildes</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Lowest noise level</source>
        <translation>Niedrigste Rauschstufe</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Making…</source>
        <translation>Entsteht…</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Middle</source>
        <translation>Mitte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Middle third</source>
        <translation>Mittleres Drittel</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>More from the depth (FreeU)</source>
        <translation>Mehr aus der Tiefe (FreeU)</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>More of what the network makes in its depth, less of what passes by it. Costs nothing.</source>
        <translation>Mehr von dem, was das Netz in der Tiefe erzeugt, weniger von dem, was daran vorbeigeht. Kostet nichts.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Moved</source>
        <translation>Verschoben</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Names of the detector's classes to draw again, between commas.</source>
        <translation>Namen der Klassen des Detektors, die neu gezeichnet werden, mit Kommas dazwischen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <location filename="../../../gui/form/view.py"/>
        <source>Negative prompt</source>
        <translation>Negativer Prompt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>No</source>
        <translation>Nein</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>No control model is installed: get one under Get Models, or drop its file on Models.</source>
        <translation>Kein Control-Modell installiert: unter „Modelle holen“ beschaffen oder die Datei auf „Modelle“ ziehen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Noise levels (sigma) in which guidance acts, 14.6 at the start and 0 at the end</source>
        <translation>Rauschstufen (Sigma), in denen die Guidance wirkt: 14.6 am Anfang, 0 am Ende</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>None is installed: drop their files on Models.</source>
        <translation>Nichts installiert: Dateien auf „Modelle“ ziehen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Not</source>
        <translation>Nicht</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Nothing</source>
        <translation>Nichts</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>Of a size of your own</source>
        <translation>In eigener Größe</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Of styles.csv: it is laid around both prompts</source>
        <translation>Aus styles.csv: Er wird um beide Prompts gelegt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>Of the model's size</source>
        <translation>In der Größe des Modells</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Only enlarge</source>
        <translation>Nur vergrößern</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Only these</source>
        <translation>Nur diese</translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Open a picture</source>
        <translation>Bild öffnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Or to size</source>
        <translation>Oder auf Maß</translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Over it</source>
        <translation>Oben/unten</translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Picture to start from</source>
        <translation>Ausgangsbild</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/image_section.py"/>
        <location filename="../../../gui/form/mask_choice.py"/>
        <source>Pictures ({0})</source>
        <translation>Bilder ({0})</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Pixels by which a box grows; below 0 it shrinks.</source>
        <translation>Pixel, um die ein Kasten wächst; unter 0 schrumpft er.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Pixels by which boxes are moved to the right</source>
        <translation>Pixel, um die Kästen nach rechts verschoben werden</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Pixels by which boxes are moved up</source>
        <translation>Pixel, um die Kästen nach oben verschoben werden</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Pixels of surroundings that are drawn with a box.</source>
        <translation>Pixel der Umgebung, die mit einem Kasten gezeichnet werden.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Pixels over which the drawing fades in at a box's edge.</source>
        <translation>Pixel, über die das Gezeichnete am Rand eines Kastens einblendet.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Pixels to add above</source>
        <translation>Pixel, die oben hinzukommen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Pixels to add at the left</source>
        <translation>Pixel, die links hinzukommen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Pixels to add at the right</source>
        <translation>Pixel, die rechts hinzukommen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Pixels to add below</source>
        <translation>Pixel, die unten hinzukommen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Place</source>
        <translation>Lage</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Place of region {0}</source>
        <translation>Lage von Bereich {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Prediction</source>
        <translation>Vorhersage</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Prompt</source>
        <translation>Prompt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Prompt and hint alike</source>
        <translation>Beide gleich</translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>Prompt history</source>
        <translation>Prompt-Verlauf</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Prompt of drawing details again</source>
        <translation>Prompt beim Neuzeichnen von Details</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Prompt of drawing it anew</source>
        <translation>Prompt beim Neuzeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Prompt of region {0}</source>
        <translation>Prompt von Bereich {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>Prompts that you draw with are kept here.</source>
        <translation>Hier sammeln sich die verwendeten Prompts.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Put an embedding into the prompt</source>
        <translation>Ein Embedding in den Prompt einsetzen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Put an installed LoRA into the prompt</source>
        <translation>Eine installierte LoRA in den Prompt einsetzen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Reading {0}</source>
        <translation>{0} wird gelesen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Redraw</source>
        <translation>Details</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Region {0}</source>
        <translation>Bereich {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regioning.py"/>
        <source>Region {0} has no prompt; write what it shows, or take it out.</source>
        <translation>Bereich {0} hat keinen Prompt; beschreiben, was dort zu sehen ist, oder ihn entfernen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Remove the mask</source>
        <translation>Maske entfernen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Right half</source>
        <translation>Rechte Hälfte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Right side, in fractions of the picture</source>
        <translation>Rechte Seite, als Anteil des Bildes</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Right third</source>
        <translation>Rechtes Drittel</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>SDXS, which draws in one step</source>
        <translation>SDXS, das in einem Schritt zeichnet</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Sampler</source>
        <translation>Sampler</translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Sampler and schedule</source>
        <translation>Sampler und Zeitplan</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Sampler of details</source>
        <translation>Sampler der Details</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Sampler of drawing it anew</source>
        <translation>Sampler beim Neuzeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Schedule</source>
        <translation>Zeitplan</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Schedule of details</source>
        <translation>Zeitplan der Details</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Schedule of drawing it anew</source>
        <translation>Zeitplan beim Neuzeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Show another choice</source>
        <translation>Andere Auswahl zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Show the hint of {0} large</source>
        <translation>Vorlage von {0} groß anzeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Show what it finds</source>
        <translation>Zeigen, was er findet</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>Side or width x height in pixels, and after a colon what neighbours share: 512:128.</source>
        <translation>Seite oder Breite x Höhe in Pixeln, und nach einem Doppelpunkt, was Nachbarn gemeinsam haben: 512:128.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>Size and overlap of the windows</source>
        <translation>Größe und Überlappung der Fenster</translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>Sizes to choose from</source>
        <translation>Größen zur Auswahl</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>So many of the largest boxes; 0 is all.</source>
        <translation>So viele der größten Kästen; 0 heißt alle.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Soft edge</source>
        <translation>Weicher Rand</translation>
    </message>
    <message>
        <location filename="../../../gui/form/aspect_chips.py"/>
        <source>Square</source>
        <translation>Quadrat</translation>
    </message>
    <message>
        <location filename="../../../gui/form/start_chip.py"/>
        <source>Start from noise again</source>
        <translation>Wieder mit Rauschen beginnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/start_chip.py"/>
        <source>Starts from {0}</source>
        <translation>Beginnt mit {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/start_chip.py"/>
        <source>Starts from {0}, masked</source>
        <translation>Beginnt mit {0}, maskiert</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Steps</source>
        <translation>Schritte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Steps of details</source>
        <translation>Schritte der Details</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Steps of drawing it anew</source>
        <translation>Schritte beim Neuzeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Steps of drawing it anew; empty is as many as above.</source>
        <translation>Schritte beim Neuzeichnen; leer heißt: so viele wie oben.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Strength</source>
        <translation>Stärke</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Strength of drawing details again</source>
        <translation>Stärke beim Neuzeichnen von Details</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Strength of drawing it anew</source>
        <translation>Stärke beim Neuzeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Strength of hires fix</source>
        <translation>Stärke des Hires-Fix</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Stretched</source>
        <translation>Gestreckt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Styles and wildcards</source>
        <translation>Stile und Wildcards</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Surely</source>
        <translation>Sicherheit</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Tags to complete</source>
        <translation>Tags zum Vervollständigen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Tags: none are completed</source>
        <translation>Tags: keine Vervollständigung</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Take region {0} out</source>
        <translation>Bereich {0} entfernen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Take the picture out</source>
        <translation>Bild entfernen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Take {0} out</source>
        <translation>{0} entfernen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Takes out the part of guidance that oversaturates. Costs nothing.</source>
        <translation>Nimmt der Guidance den Anteil, der übersättigt. Kostet nichts.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>The LoRA {0} is taken out.</source>
        <translation>Die LoRA {0} wurde entfernt.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>The control {0} is taken out.</source>
        <translation>Die Steuerung {0} wurde entfernt.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>The form is empty, and all settings are as at first.</source>
        <translation>Das Formular ist leer, und alle Einstellungen sind wie am Anfang.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The hint more</source>
        <translation>Mehr die Vorlage</translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>The mask is taken out.</source>
        <translation>Die Maske wurde entfernt.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/mask_choice.py"/>
        <source>The mask that is painted</source>
        <translation>Die gemalte Maske</translation>
    </message>
    <message>
        <location filename="../../../gui/form/more_section.py"/>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>The model's own</source>
        <translation>Die des Modells</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The picture as it is</source>
        <translation>Bild unverändert</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The picture on the canvas</source>
        <translation>Das Bild auf der Leinwand</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The picture to start from</source>
        <translation>Das Ausgangsbild</translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>The picture's own</source>
        <translation>Die des Bildes</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>The prompt above draws what no region covers.</source>
        <translation>Der obige Prompt gilt, wo kein Bereich liegt.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/tokens.py"/>
        <source>The prompt fills {0} parts of {1} tokens, and this converted model takes {2}; shorten it.</source>
        <translation>Der Prompt füllt {0} Teile zu {1} Tokens, dieses konvertierte Modell nimmt {2}; bitte kürzen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>The prompt is cleared.</source>
        <translation>Der Prompt wurde geleert.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The prompt more</source>
        <translation>Mehr der Prompt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>The rectangle</source>
        <translation>Das Rechteck</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>The style {0} is applied.</source>
        <translation>Der Stil {0} wurde angewendet.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>There is no file at {0} any more; choose another, or take it out.</source>
        <translation>Unter {0} liegt keine Datei mehr; eine andere wählen oder sie entfernen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/controlling.py"/>
        <source>There is no mask at {0} any more; choose another.</source>
        <translation>Unter {0} liegt keine Maske mehr; eine andere wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/controlling.py"/>
        <source>There is no picture at {0} any more; choose another.</source>
        <translation>Unter {0} liegt kein Bild mehr; ein anderes wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/tag_list.py"/>
        <source>There is no tag in {0}; its lines are a tag, its kind and its count.</source>
        <translation>In {0} steht kein Tag; seine Zeilen sind Tag, Art und Anzahl.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>They go into the prompt.</source>
        <translation>Sie werden in den Prompt eingesetzt.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/tokens.py"/>
        <source>This converted model takes no embeddings; leave out {0}, or use the model it was made from.</source>
        <translation>Dieses konvertierte Modell nimmt keine Embeddings; {0} weglassen oder das ursprüngliche Modell verwenden.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/memory_hint.py"/>
        <source>This needs about {0} of memory, and {1} are free.</source>
        <translation>Das braucht etwa {0} Speicher, und {1} sind frei.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>Time and memory that they add, planned or measured here; nothing is drawn</source>
        <translation>Zusätzliche Zeit und zusätzlicher Speicher, geplant oder hier gemessen; es wird nichts gezeichnet</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Times</source>
        <translation>Faktor</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Times as large</source>
        <translation>Vergrößerungsfaktor</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Upper half</source>
        <translation>Obere Hälfte</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Upper left</source>
        <translation>Oben links</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Upper right</source>
        <translation>Oben rechts</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Upper side, in fractions of the picture</source>
        <translation>Obere Seite, als Anteil des Bildes</translation>
    </message>
    <message>
        <location filename="../../../gui/form/aspect_chips.py"/>
        <source>Upright</source>
        <translation>Hochformat</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>Use what suits it</source>
        <translation>Passende Einstellungen übernehmen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/memory_hint.py"/>
        <source>Use {0} × {1}, one at a time</source>
        <translation>{0} × {1} verwenden, einzeln</translation>
    </message>
    <message>
        <location filename="../../../gui/form/memory_hint.py"/>
        <source>Use {0} × {1}, which fits</source>
        <translation>{0} × {1} verwenden, das passt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Values across</source>
        <translation>Werte waagerecht</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Values down</source>
        <translation>Werte senkrecht</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Values with commas between; 1-4 is 1, 2, 3, 4; quotes hold a comma together</source>
        <translation>Werte mit Kommas dazwischen; 1-4 heißt 1, 2, 3, 4; Anführungszeichen halten ein Komma zusammen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/lora_rows.py"/>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Weight</source>
        <translation>Gewicht</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Weight of {0}</source>
        <translation>Gewicht von {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Weight where regions overlap</source>
        <translation>Gewicht, wo sich Bereiche überlappen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>What another seed would choose; the picture's own seed decides</source>
        <translation>Was ein anderer Seed wählen würde; der Seed des Bildes entscheidet</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>What counts more</source>
        <translation>Was stärker zählt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>What details should not show</source>
        <translation>Was Details nicht zeigen sollen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>What do they cost?</source>
        <translation>Was kosten sie?</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>What enlarges it. Latent ways want a strength of 0.5 or more, the others 0.2 or more.</source>
        <translation>Womit vergrößert wird. Latent-Verfahren brauchen eine Stärke ab 0.5, die anderen ab 0.2.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>What it should not show, drawn anew</source>
        <translation>Was es neu gezeichnet nicht zeigen soll</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>What makes the hint</source>
        <translation>Womit die Vorlage erstellt wird</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>What this area shows</source>
        <translation>Was hier zu sehen ist</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>What to compare</source>
        <translation>Was verglichen wird</translation>
    </message>
    <message>
        <location filename="../../../gui/form/more_section.py"/>
        <source>What turns latents into pixels; another one changes colours and fine detail.</source>
        <translation>Macht aus Latents Pixel; eine andere ändert Farben und feine Details.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Where</source>
        <translation>Wo</translation>
    </message>
    <message>
        <location filename="../../../gui/form/mask_choice.py"/>
        <source>Where it acts: white is there, grey in part</source>
        <translation>Wo es wirkt: weiß ja, grau zum Teil</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Where {0} acts</source>
        <translation>Wo {0} wirkt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/aspect_chips.py"/>
        <source>Wide</source>
        <translation>Querformat</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>Width and height in pixels, in place of times; 0 follows the other side.</source>
        <translation>Breite und Höhe in Pixeln statt des Vielfachen; 0 folgt der anderen Seite.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Window</source>
        <translation>Fenster</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>Windows</source>
        <translation>Fenster</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>With edges continued</source>
        <translation>Ränder fortgesetzt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Write what this area shows.</source>
        <translation>Beschreiben, was hier zu sehen ist.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>a TCD LoRA</source>
        <translation>eine TCD-LoRA</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>a TCD model</source>
        <translation>ein TCD-Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>a latent consistency model</source>
        <translation>ein Latent-Consistency-Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a list of four edges</source>
        <translation>eine Liste aus vier Rändern</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a list of numbers</source>
        <translation>eine Liste von Zahlen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a list of two numbers</source>
        <translation>eine Liste aus zwei Zahlen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a name</source>
        <translation>ein Name</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a number</source>
        <translation>eine Zahl</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a path or name</source>
        <translation>ein Pfad oder Name</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>a picture larger than the model's own in parts that overlap; one of its size stays whole</source>
        <translation>ein Bild, das größer ist als die des Modells, in Teilen, die überlappen; eines seiner Größe bleibt ganz</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a size</source>
        <translation>eine Größe</translation>
    </message>
    <message>
        <location filename="../../../gui/form/windows_field.py"/>
        <source>a size of windows</source>
        <translation>eine Größe von Fenstern</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a value</source>
        <translation>ein Wert</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a way to draw in windows</source>
        <translation>eine Angabe zu den Fenstern</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>a whole number</source>
        <translation>eine ganze Zahl</translation>
    </message>
    <message>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>all it knows</source>
        <translation>alle, die er kennt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>an LCM-LoRA</source>
        <translation>eine LCM-LoRA</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/pass_settings.py"/>
        <source>as above</source>
        <translation>wie oben</translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>auto</source>
        <translation>auto</translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>by chance</source>
        <translation>zufällig</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarging.py"/>
        <source>drawn again</source>
        <translation>neu gezeichnet</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>drawn small, where v1 composes best, then enlarged and drawn anew in part</source>
        <translation>klein gezeichnet, wo v1 am besten komponiert, dann vergrößert und teilweise neu gezeichnet</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarging.py"/>
        <source>enlarged to {2} × {3} by {1}</source>
        <translation>auf {2} × {3} vergrößert mit {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarging.py"/>
        <source>enlarged {0} times by {1}</source>
        <translation>{0}-fach vergrößert mit {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/sampler_options.py"/>
        <source>from {0} to {1}</source>
        <translation>von {0} bis {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>it is a hint already</source>
        <translation>es ist schon eine Vorlage</translation>
    </message>
    <message>
        <location filename="../../../gui/form/tag_list.py"/>
        <source>it is not UTF-8</source>
        <translation>kein UTF-8</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>made for TCD</source>
        <translation>für TCD gemacht</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>names between commas</source>
        <translation>Namen, durch Kommas getrennt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/sampler_options.py"/>
        <source>no limit</source>
        <translation>unbegrenzt</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>styles.csv has none yet</source>
        <translation>styles.csv hat noch keine</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>text</source>
        <translation>ein Text</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>the finished picture, without drawing it anew</source>
        <translation>das fertige Bild, ohne es neu zu zeichnen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>the folder wildcards has no lists yet</source>
        <translation>der Ordner wildcards hat noch keine Listen</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>true or false</source>
        <translation>true oder false</translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarging.py"/>
        <source>what {0} finds drawn again</source>
        <translation>was {0} findet, neu gezeichnet</translation>
    </message>
    <message>
        <location filename="../../../gui/form/tag_list.py"/>
        <source>{0} has more than {1} MB; choose a shorter list of tags.</source>
        <translation>{0} hat mehr als {1} MB; eine kürzere Tag-Liste wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/controlling.py"/>
        <source>{0} has no picture; choose one, or a picture to start from.</source>
        <translation>{0} hat kein Bild; eines wählen, oder ein Ausgangsbild.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/tag_list.py"/>
        <source>{0} is no text; choose a CSV of tags.</source>
        <translation>{0} ist kein Text; eine CSV-Datei mit Tags wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>{0} is not a multiple of 8; try {1} or {2}.</source>
        <translation>{0} ist kein Vielfaches von 8; {1} oder {2} versuchen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>{0} is not {1}; type {2}.</source>
        <translation>{0} passt nicht; erwartet wird {1}, zum Beispiel {2}.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>{0} is out of range; choose from {1} to {2}.</source>
        <translation>{0} liegt außerhalb; von {1} bis {2} wählen.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>{0} is {1}. These suit it: {2}.</source>
        <translation>{0} ist {1}. Dazu passt: {2}.</translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>{0} of {1} tokens</source>
        <translation>{0} von {1} Tokens</translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>{0} of {1} tokens in {2} parts, each read on its own</source>
        <translation>{0} von {1} Tokens in {2} Teilen, die einzeln gelesen werden</translation>
    </message>
    <message>
        <location filename="../../../gui/form/sampler_options.py"/>
        <source>{0} or more</source>
        <translation>ab {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>{0} × {1} pictures</source>
        <translation>{0} × {1} Bilder</translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>{0} × {1} → {2} × {3}; a strength of 1 draws the new part freely</source>
        <translation>{0} × {1} → {2} × {3}; Stärke 1 zeichnet den neuen Teil frei</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>{0}, or -1 for chance</source>
        <translation>{0} oder -1 für Zufall</translation>
    </message>
    <message>
        <location filename="../../../gui/form/model.py"/>
        <source>{0}, or 512x768</source>
        <translation>{0} oder 512x768</translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>{0}: {1} tags</source>
        <translation>{0}: {1} Tags</translation>
    </message>
    <message>
        <location filename="../../../gui/form/sampler_options.py"/>
        <source>{0}: {1}.</source>
        <translation>{0}: {1}.</translation>
    </message>
    <message>
        <source>A large picture in windows that overlap: 512:128, or auto for the model's size. Empty is as a whole.</source>
        <translation type="vanished">Ein großes Bild in überlappenden Fenstern: 512:128, oder „auto“ für die Größe des Modells. Leer heißt: im Ganzen.</translation>
    </message>
    <message>
        <source>A region without the mouse; its sides are typed in fractions of the picture</source>
        <translation type="vanished">Ein Bereich ohne Maus; seine Seiten werden als Anteile des Bildes eingegeben</translation>
    </message>
    <message>
        <source>A window first</source>
        <translation type="vanished">Erst ein Fenster</translation>
    </message>
    <message>
        <source>Add the left half</source>
        <translation type="vanished">Linke Hälfte hinzufügen</translation>
    </message>
    <message>
        <source>Attention costs next to nothing; prediction works with every engine, half a step each.</source>
        <translation type="vanished">Attention kostet fast nichts; Vorhersage geht mit jedem Rechenwerk, je einen halben Schritt.</translation>
    </message>
    <message>
        <source>Attention costs next to nothing; prediction works with every engine, half a step each; a window first composes each region by itself, so that more of them are there.</source>
        <translation type="vanished">Attention kostet fast nichts; Vorhersage geht mit jeder Engine, je einen halben Schritt; erst ein Fenster komponiert jeden Bereich für sich, sodass mehr von ihnen zu sehen sind.</translation>
    </message>
    <message>
        <source>Drag on the canvas to draw a region; move it, or drag its edges</source>
        <translation type="vanished">Auf der Leinwand ziehen, um einen Bereich anzulegen; verschieben oder an den Rändern ziehen</translation>
    </message>
    <message>
        <source>The next picture starts from noise again.</source>
        <translation type="vanished">Das nächste Bild beginnt wieder mit Rauschen.</translation>
    </message>
    <message>
        <source>The region is taken out.</source>
        <translation type="vanished">Der Bereich wurde entfernt.</translation>
    </message>
    <message>
        <source>a window such as 512:128</source>
        <translation type="vanished">ein Fenster wie 512:128</translation>
    </message>
    <message>
        <source>as a whole</source>
        <translation type="vanished">im Ganzen</translation>
    </message>
</context>
</TS>
