<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>models</name>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>1. If it is a private one, sign in with the account that may see it.</source>
        <translation>1. Wenn es privat ist, mit dem Konto anmelden, das es sehen darf.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>1. On its page, sign in and press the button that agrees to its conditions and asks for access.</source>
        <translation>1. Auf seiner Seite anmelden und mit der Schaltfläche dort den Bedingungen zustimmen und Zugang erbitten.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>2. On the page of tokens, make one that may read, and copy it to here.</source>
        <translation>2. Auf der Seite der Tokens eines mit Leserecht anlegen und hierher kopieren.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>A small copy of it is kept; Picture of Its Model in the gallery does the same</source>
        <translation>Eine kleine Kopie davon wird aufbewahrt; „Als Bild seines Modells“ in der Galerie bewirkt dasselbe</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Accept and Download</source>
        <translation>Zustimmen und laden</translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Access token</source>
        <translation>Zugriffstoken</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Add Models</source>
        <translation>Modelle hinzufügen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Add a Diffusers Folder or Converted Model</source>
        <translation>Diffusers-Ordner oder konvertiertes Modell hinzufügen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Added</source>
        <translation>Hinzugefügt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Adding</source>
        <translation>Wird hinzugefügt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Adding CLIP's vocabulary</source>
        <translation>Das Vokabular von CLIP wird hinzugefügt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Adding {0}</source>
        <translation>{0} wird hinzugefügt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Address of a model</source>
        <translation>Adresse eines Modells</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>All its files</source>
        <translation>Alle Dateien</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Another licence than its files name:</source>
        <translation>Eine andere Lizenz, als die Dateien nennen:</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Another one: OWNER/NAME, or its address at huggingface.co</source>
        <translation>Ein anderes: INHABER/NAME oder die Adresse bei huggingface.co</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Asking {0}…</source>
        <translation>{0} wird gefragt…</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Beginning</source>
        <translation>Beginnt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <source>By address</source>
        <translation>Per Adresse</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>CLIP's vocabulary ({0})</source>
        <translation>Vokabular von CLIP ({0})</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Cannot move {0} to the trash; delete it yourself.</source>
        <translation>{0} lässt sich nicht in den Papierkorb legen; bitte selbst löschen.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Checking and adding it</source>
        <translation>Wird geprüft und hinzugefügt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Choose CLIP's Vocabulary</source>
        <translation>Vokabular von CLIP auswählen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Choose Its File…</source>
        <translation>Datei auswählen…</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Choose a Picture…</source>
        <translation>Bild auswählen…</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Control model</source>
        <translation>Control-Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>ControlNet</source>
        <translation>ControlNet</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Correct the Licence</source>
        <translation>Lizenz berichtigen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Delete What Has Come</source>
        <translation>Geladenes löschen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Delete {0} from the library?</source>
        <translation>{0} aus der Bibliothek löschen?</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Depth network</source>
        <translation>Tiefennetz</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Detector</source>
        <translation>Detektor</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Download</source>
        <translation>Herunterladen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Draws every size from {0} to {1}</source>
        <translation>Zeichnet jede Größe von {0} bis {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Draws {0}</source>
        <translation>Zeichnet {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Drop models, VAEs, LoRAs, embeddings, control models, upscalers or detectors anywhere here.</source>
        <translation>Modelle, VAEs, LoRAs, Embeddings, Steuermodelle, Upscaler und Detektoren lassen sich überall hier ablegen.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Edition</source>
        <translation>Ausgabe</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Embedding</source>
        <translation>Embedding</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Every file is as it was added.</source>
        <translation>Jede Datei ist so, wie sie hinzugefügt wurde.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Failed</source>
        <translation>Fehlgeschlagen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/table.py"/>
        <source>File is gone</source>
        <translation>Datei fehlt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Files…</source>
        <translation>Dateien…</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Folder…</source>
        <translation>Ordner…</translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Forget the token that was given, also in the keyring</source>
        <translation>Das angegebene Token vergessen, auch im Schlüsselbund</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>From</source>
        <translation>Quelle</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Full precision</source>
        <translation>Volle Genauigkeit</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Get</source>
        <translation>Holen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Get Models</source>
        <translation>Modelle holen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Get asks {0} for its size and licence. Nothing is downloaded before you agree.</source>
        <translation>„Holen“ fragt {0} nach Größe und Lizenz. Vor Ihrer Zustimmung wird nichts heruntergeladen.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Go On</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Half precision</source>
        <translation>Halbe Genauigkeit</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Hash</source>
        <translation>Hash</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>I Have Read and Accept It</source>
        <translation>Gelesen und akzeptiert</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>IP-Adapter</source>
        <translation>IP-Adapter</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Image encoder</source>
        <translation>Bild-Encoder</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Installed</source>
        <translation>Installiert</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Into the prompt by a click:</source>
        <translation>Per Klick in den Prompt:</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>It allows use and sharing, also commercial, and forbids the uses listed in its Attachment A; these restrictions apply to you and go along with every copy.</source>
        <translation>Sie erlaubt Nutzung und Weitergabe, auch gewerblich, und verbietet die in ihrem Anhang A aufgeführten Nutzungen; diese Einschränkungen gelten für Sie und gehen mit jeder Kopie mit.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/hub_downloads.py"/>
        <source>It ended without a word.</source>
        <translation>Es endete ohne eine Meldung.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>It goes into the system's keyring; where there is none it is forgotten when sdedge is closed.</source>
        <translation>Es kommt in den Schlüsselbund des Systems; wo es keinen gibt, wird es beim Schließen von sdedge vergessen.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>It is installed.</source>
        <translation>Ist installiert.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Its copy in {0} is deleted for good.</source>
        <translation>Die Kopie in {0} wird endgültig gelöscht.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Its files name no licence. Models trained from Stable Diffusion v1 carry the use restrictions of {0}; where it comes from says which it is under.</source>
        <translation>Die Dateien nennen keine Lizenz. Modelle, die aus Stable Diffusion v1 trainiert wurden, tragen die Nutzungsbeschränkungen von {0}; unter welcher Lizenz es steht, sagt seine Quelle.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Its page may say what you may do with it; the model's details record what you find.</source>
        <translation>Was erlaubt ist, steht vielleicht auf seiner Seite; in den Details des Modells lässt es sich festhalten.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Its trainer's words, by a click:</source>
        <translation>Wörter aus dem Training, per Klick:</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>Kind</source>
        <translation>Art</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Leave the files where they are</source>
        <translation>Dateien nicht kopieren</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Licence</source>
        <translation>Lizenz</translation>
    </message>
    <message>
        <location filename="../../../gui/models/table.py"/>
        <source>Licence not accepted</source>
        <translation>Lizenz nicht akzeptiert</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Licence: {0}</source>
        <translation>Lizenz: {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>LoRA</source>
        <translation>LoRA</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Look Up</source>
        <translation>Nachsehen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>MPS graph</source>
        <translation>MPS-Graph</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Models of the community, LoRAs and everything else that the hub has for v1 come by their address.</source>
        <translation>Modelle der Community, LoRAs und alles andere, was der Hub für v1 hat, kommen per Adresse.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Models, VAEs, LoRAs and embeddings</source>
        <translation>Modelle, VAEs, LoRAs und Embeddings</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Models, VAEs, LoRAs, embeddings ({0})</source>
        <translation>Modelle, VAEs, LoRAs, Embeddings ({0})</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>No Picture</source>
        <translation>Kein Bild</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Note</source>
        <translation>Hinweis</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Notes</source>
        <translation>Notizen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Only files and folders of this computer can be added; download it first.</source>
        <translation>Nur Dateien und Ordner dieses Computers lassen sich hinzufügen; bitte zuerst herunterladen.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Open Its Page</source>
        <translation>Seite öffnen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Open the Page of Tokens</source>
        <translation>Seite der Tokens öffnen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Pause</source>
        <translation>Anhalten</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Paused, {0}</source>
        <translation>Angehalten, {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Person detector</source>
        <translation>Personendetektor</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Picture of the model</source>
        <translation>Bild des Modells</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Picture of {0}</source>
        <translation>Bild von {0}</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Pictures ({0})</source>
        <translation>Bilder ({0})</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Pose network</source>
        <translation>Posennetz</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Put {0} into the prompt</source>
        <translation>{0} in den Prompt setzen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Read the Licence</source>
        <translation>Lizenz lesen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/table.py"/>
        <source>Ready</source>
        <translation>Bereit</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Record It</source>
        <translation>Festhalten</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Remember where a model is instead of copying it</source>
        <translation>Sich den Ort eines Modells merken, statt es zu kopieren</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Remove…</source>
        <translation>Entfernen…</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Show Under Models</source>
        <translation>Unter Modelle zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Show in Folder</source>
        <translation>Im Ordner zeigen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>T2I-Adapter</source>
        <translation>T2I-Adapter</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>The prompt has {0} already.</source>
        <translation>{0} steht schon im Prompt.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>The token is in the system's keyring.</source>
        <translation>Das Token liegt im Schlüsselbund des Systems.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>The token is used until sdedge is closed; the system has no keyring that sdedge can use.</source>
        <translation>Das Token gilt, bis sdedge geschlossen wird; das System hat keinen Schlüsselbund, den sdedge benutzen kann.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>The weights are under the {0} licence. It allows use and sharing, also commercial, and forbids the uses listed in its Attachment A; these restrictions apply to you and go along with every copy.</source>
        <translation>Die Gewichte stehen unter der Lizenz {0}. Sie erlaubt Nutzung und Weitergabe, auch gewerblich, und verbietet die in ihrem Anhang A aufgeführten Nutzungen; diese Einschränkungen gelten für Sie und gehen mit jeder Kopie mit.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Too little room: {0} of it are needed, {1} are free.</source>
        <translation>Zu wenig Platz: {0} werden gebraucht, {1} sind frei.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Trigger words</source>
        <translation>Triggerwörter</translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Trigger words, separated by commas</source>
        <translation>Triggerwörter, durch Kommas getrennt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Try Again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Try Without a Token</source>
        <translation>Ohne Token versuchen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Upscaler</source>
        <translation>Upscaler</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/get_details.py"/>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Use It</source>
        <translation>Verwenden</translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Use This Token</source>
        <translation>Dieses Token verwenden</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Use by Default</source>
        <translation>Als Standard verwenden</translation>
    </message>
    <message>
        <location filename="../../../gui/models/table.py"/>
        <source>Used by default</source>
        <translation>Standard</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>VAE</source>
        <translation>VAE</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Verify the Files</source>
        <translation>Dateien prüfen</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Verifying {0}</source>
        <translation>{0} wird geprüft</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <source>Vocabulary</source>
        <translation>Vokabular</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Waiting</source>
        <translation>Wartet</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Waiting for what is downloaded before it</source>
        <translation>Wartet auf vorherige Downloads</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Wants access</source>
        <translation>Braucht Zugang</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>What can be got</source>
        <translation>Was geholt werden kann</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>What has come is kept, and goes on from there.</source>
        <translation>Was geladen ist, bleibt, und von dort geht es weiter.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/get_details.py"/>
        <source>What is known of it</source>
        <translation>Was darüber bekannt ist</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>What it allows is said on its page.</source>
        <translation>Was sie erlaubt, steht auf ihrer Seite.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <source>What it does</source>
        <translation>Wozu</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>diffusers folder</source>
        <translation>Diffusers-Ordner</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>not known</source>
        <translation>unbekannt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>not named</source>
        <translation>nicht genannt</translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>v1 topology</source>
        <translation>v1-Aufbau</translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>{0} (left in its place)</source>
        <translation>{0} (an seinem Ort)</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} (pickle)</source>
        <translation>{0} (Pickle)</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} a second · {1} left</source>
        <translation>{0} pro Sekunde · noch {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} are free on the disk.</source>
        <translation>{0} sind auf der Platte frei.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>{0} has no picture any more.</source>
        <translation>{0} hat kein Bild mehr.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>{0} is in the prompt.</source>
        <translation>{0} steht im Prompt.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>{0} is installed.</source>
        <translation>{0} ist installiert.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>{0} is not finished.</source>
        <translation>{0}: noch nicht fertig.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>{0} is not there any more.</source>
        <translation>{0} ist nicht mehr da.</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} of {1}</source>
        <translation>{0} von {1}</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} of {1}, paused</source>
        <translation>{0} von {1}, angehalten</translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} of {1}, stopped</source>
        <translation>{0} von {1}, abgebrochen</translation>
    </message>
    <message>
        <source>Drop checkpoints, diffusers folders, VAEs, LoRAs, embeddings or converted models anywhere here.</source>
        <translation type="vanished">Checkpoints, Diffusers-Ordner, VAEs, LoRAs, Embeddings oder konvertierte Modelle lassen sich überall hier ablegen.</translation>
    </message>
</context>
<context>
    <name>models: of a file</name>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Where</source>
        <comment>of a file</comment>
        <translation>Ort</translation>
    </message>
</context>
<context>
    <name>models: of a model</name>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>Base</source>
        <comment>of a model</comment>
        <translation>Basis</translation>
    </message>
</context>
<context>
    <name>models: the hub</name>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Asking…</source>
        <comment>the hub</comment>
        <translation>Wird ermittelt…</translation>
    </message>
</context>
</TS>
