<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>convert</name>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>4 bits: changes pictures visibly</source>
        <translation>4 Bit: verändert Bilder sichtbar</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>6 bits: changes pictures a little</source>
        <translation>6 Bit: verändert Bilder ein wenig</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>8 bits: half the size</source>
        <translation>8 Bit: halb so groß</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>About {0} on disk, {1} of memory and {2}, on two processor cores.</source>
        <translation>Etwa {0} auf der Platte, {1} Arbeitsspeicher und {2}, auf zwei Prozessorkernen.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Adding {0}</source>
        <translation>{0} wird hinzugefügt</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Adding {0}, which was converted before</source>
        <translation>{0} wird hinzugefügt (schon früher konvertiert)</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Against the model</source>
        <translation>Gegenüber dem Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>At least {0:.0f} dB against the model's pictures</source>
        <translation>Mindestens {0:.0f} dB gegenüber den Bildern des Modells</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Compare Now</source>
        <translation>Jetzt vergleichen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Compare the result with the model</source>
        <translation>Ergebnis mit dem Modell vergleichen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Comparing {0} with the model</source>
        <translation>{0} wird mit dem Modell verglichen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>Compression</source>
        <translation>Kompression</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>ControlNets that go along</source>
        <translation>ControlNets, die mitkommen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Convert</source>
        <translation>Konvertieren</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Convert a model</source>
        <translation>Modell konvertieren</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Converted models</source>
        <translation>Konvertierte Modelle</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Converting to {0}</source>
        <translation>Konvertierung zu {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Converting works on any computer, in the background. The result is for Apple devices and runs here too.</source>
        <translation>Konvertiert wird auf jedem Computer, im Hintergrund. Das Ergebnis ist für Apple-Geräte und läuft auch hier.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>Core ML for the GPU</source>
        <translation>Core ML für die GPU</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>Core ML for the Neural Engine</source>
        <translation>Core ML für die Neural Engine</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <location filename="../../../gui/convert/view.py"/>
        <source>Details</source>
        <translation>Details</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Interrupted before it was finished. Converting the same again goes on with what is there.</source>
        <translation>Unterbrochen, bevor es fertig war. Dasselbe noch einmal zu konvertieren setzt dort fort.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Its files in {0} are deleted for good. The model it was made from stays.</source>
        <translation>Die Dateien in {0} werden endgültig gelöscht. Das Modell, aus dem es entstanden ist, bleibt.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Its pictures are close to the model's.</source>
        <translation>Die Bilder kommen denen des Modells nahe.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Its pictures differ from the model's.</source>
        <translation>Die Bilder weichen von denen des Modells ab.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>MPS graph</source>
        <translation>MPS-Graph</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>Macs with a strong GPU; also for other apps that take Core ML</source>
        <translation>Macs mit starker GPU; auch für andere Apps, die Core ML nehmen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Makes a copy for the Neural Engine, which takes the least memory and power.</source>
        <translation>Erzeugt eine Kopie für die Neural Engine, die am wenigsten Speicher und Strom braucht.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Makes a copy for the graphics of this Mac, which draws every size.</source>
        <translation>Erzeugt eine Kopie für die Grafik dieses Macs, die jede Größe zeichnet.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Makes a copy that this processor draws faster. Its pictures differ a little.</source>
        <translation>Erzeugt eine Kopie, die dieser Prozessor schneller zeichnet. Ihre Bilder weichen ein wenig ab.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Measure This Machine…</source>
        <translation>Diesen Rechner messen…</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Model to convert</source>
        <translation>Modell, das konvertiert wird</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>No converted models yet</source>
        <translation>Noch keine konvertierten Modelle</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>None: 16 bits</source>
        <translation>Keine: 16 Bit</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Not as close to the model as it must be; convert with other options.</source>
        <translation>Nicht so nah am Modell, wie es sein muss; bitte mit anderen Optionen konvertieren.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Not compared with the model.</source>
        <translation>Nicht mit dem Modell verglichen.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Optimise for This Mac</source>
        <translation>Für diesen Mac optimieren</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Optimise for This Machine</source>
        <translation>Für diesen Rechner optimieren</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Reading the model</source>
        <translation>Das Modell wird gelesen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Remove {0}?</source>
        <translation>{0} entfernen?</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Remove…</source>
        <translation>Entfernen…</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Show in Folder</source>
        <translation>Im Ordner zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>Sizes</source>
        <translation>Größen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>Sizes in pixels</source>
        <translation>Größen in Pixeln</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>The licence of {0} was not accepted yet; do it in Models.</source>
        <translation>Die Lizenz von {0} ist noch nicht akzeptiert; das geht unter Modelle.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>The result draws every size that the model draws, a graph from {0} to {1}.</source>
        <translation>Das Ergebnis zeichnet jede Größe, die das Modell zeichnet, ein Graph von {0} bis {1}.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>There is no model to convert yet; add one in Models.</source>
        <translation>Noch gibt es kein Modell zum Konvertieren; unter Modelle lässt sich eines hinzufügen.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/package_options.py"/>
        <source>They come with a second UNet, which takes the room of the first once more.</source>
        <translation>Dazu kommt ein zweites UNet, das noch einmal so viel Platz braucht wie das erste.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>This machine draws models best as they are. Details convert one for another.</source>
        <translation>Dieser Rechner zeichnet Modelle am besten, wie sie sind. Unter Details lassen sie sich für andere konvertieren.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/plan.py"/>
        <source>Type at least one size, such as 512.</source>
        <translation>Bitte mindestens eine Größe eingeben, etwa 512.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>UNet</source>
        <translation>UNet</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>UNet with controls</source>
        <translation>UNet mit Steuerung</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Use the Result</source>
        <translation>Ergebnis verwenden</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>VAE decoder</source>
        <translation>VAE-Decoder</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>VAE encoder</source>
        <translation>VAE-Encoder</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Verified: close to the model, with weights of {0} bits.</source>
        <translation>Geprüft: nah am Modell, mit Gewichten von {0} Bit.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Verified: every network computes what the model's does.</source>
        <translation>Geprüft: Jedes Netz rechnet, was das des Modells rechnet.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>What is fastest here was not measured yet; it takes a few seconds.</source>
        <translation>Was hier am schnellsten ist, wurde noch nicht gemessen; das dauert ein paar Sekunden.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>exact</source>
        <translation>exakt</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>half precision</source>
        <translation>halbe Genauigkeit</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>iPhone, iPad and Macs with little memory; least power</source>
        <translation>iPhone, iPad und Macs mit wenig Speicher; sparsamster Betrieb</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>int8 for the processor</source>
        <translation>int8 für den Prozessor</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>picture</source>
        <translation>Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>safety checker</source>
        <translation>Sicherheitsprüfung</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>sdedge on a Mac, at any size; half precision, checked operators</source>
        <translation>sdedge auf einem Mac, in jeder Größe; halbe Genauigkeit, geprüfte Operatoren</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>single precision</source>
        <translation>einfache Genauigkeit</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>text encoder</source>
        <translation>Text-Encoder</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>token embedding</source>
        <translation>Token-Embedding</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>x86 processors; lossy, measured on a dozen pictures</source>
        <translation>x86-Prozessoren; verlustbehaftet, an einem Dutzend Bildern gemessen</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>{0:.0f} dB</source>
        <translation>{0:.0f} dB</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/orphans.py"/>
        <source>{0} is not among the app's own conversions; remove it by hand.</source>
        <translation>{0} gehört nicht zu den Konvertierungen der App; bitte von Hand entfernen.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>{0} is not finished.</source>
        <translation>{0}: noch nicht fertig.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/plan.py"/>
        <source>“{0}” cannot be drawn; choose multiples of {1} up to {2}, such as 512x768.</source>
        <translation>„{0}“ lässt sich nicht zeichnen; bitte Vielfache von {1} bis {2} wählen, etwa 512x768.</translation>
    </message>
    <message>
        <location filename="../../../gui/convert/plan.py"/>
        <source>“{0}” is not a size; type 512x768, or 512 for a square.</source>
        <translation>„{0}“ ist keine Größe; bitte 512x768 eingeben, oder 512 für ein Quadrat.</translation>
    </message>
</context>
</TS>
