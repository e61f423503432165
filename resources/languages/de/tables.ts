<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>tables</name>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>0 is deterministic, 1 is DDPM</source>
        <translation>0 ist deterministisch, 1 ist DDPM</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>195,000 steps from v1-2, a tenth of them without a text.</source>
        <translation>195.000 Schritte ab v1-2, ein Zehntel davon ohne Text.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>225,000 steps from v1-2 on pictures chosen for their looks.</source>
        <translation>225.000 Schritte ab v1-2 mit Bildern, die nach ihrem Aussehen ausgewählt sind.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>515,000 steps from v1-1 on pictures chosen for their looks.</source>
        <translation>515.000 Schritte ab v1-1 mit Bildern, die nach ihrem Aussehen ausgewählt sind.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>A coarse grid of the photo's colours.</source>
        <translation>Ein grobes Raster der Farben des Fotos.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Advanced</source>
        <translation>Erweitert</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Against glaring colours of a high guidance; 0 is off, 0.7 is usual.</source>
        <translation>Gegen grelle Farben bei hoher Guidance; 0 ist aus, 0.7 ist üblich.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Apple's Swift package: PNDM and DPM-Solver++ with NumPy's noise</source>
        <translation>Apples Swift-Paket: PNDM und DPM-Solver++ mit dem Rauschen von NumPy</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Around it</source>
        <translation>Umgebung</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Between</source>
        <translation>Zwischen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Black lines on white become white lines on black.</source>
        <translation>Aus schwarzen Linien auf Weiß werden weiße auf Schwarz.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Broad soft edges, brighter where they are stronger.</source>
        <translation>Breite, weiche Kanten, heller, wo sie stärker sind.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>CLIP's words and their numbers. Models of a single file need it once.</source>
        <translation>CLIPs Wörter und ihre Nummern. Modelle aus einer einzigen Datei brauchen es einmal.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Cleaner faces and small print than v1's own VAE; a little smoother.</source>
        <translation>Sauberere Gesichter und kleine Schrift als beim VAE von v1; ein wenig glatter.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Cleaner faces than v1's own VAE, and closer to it.</source>
        <translation>Sauberere Gesichter als beim VAE von v1, und näher an ihm.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Clip skip</source>
        <translation>Clip Skip</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Control and pictures</source>
        <translation>Steuerung und Bilder</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>DPM++ 2M with renewed noise; 25 to 30 steps</source>
        <translation>DPM++ 2M mit erneuertem Rauschen; 25 bis 30 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>DPM2 with renewed noise</source>
        <translation>DPM2 mit erneuertem Rauschen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Draw in windows</source>
        <translation>In Fenstern zeichnen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Draw the masked part at full size</source>
        <translation>Den maskierten Teil in voller Größe zeichnen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Edges continue on the other side</source>
        <translation>Ränder gehen auf der anderen Seite weiter</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Enlarge and redraw</source>
        <translation>Vergrößern und neu zeichnen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Enlarges pictures four times.</source>
        <translation>Vergrößert Bilder auf das Vierfache.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Enlarges pictures twice.</source>
        <translation>Vergrößert Bilder auf das Doppelte.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Exact</source>
        <translation>Exakt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Extend its edges</source>
        <translation>Ränder erweitern</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Fast</source>
        <translation>Schnell</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Fastest</source>
        <translation>Am schnellsten</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows a depth map: what is near, what is far.</source>
        <translation>Folgt einer Tiefenkarte: was nah ist, was fern.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows a drawing of a few lines.</source>
        <translation>Folgt einer Zeichnung aus wenigen Linien.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows a line drawing.</source>
        <translation>Folgt einer Strichzeichnung.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows edges, at a fraction of a ControlNet's size.</source>
        <translation>Folgt Kanten, mit einem Bruchteil der Größe eines ControlNet.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows soft edges.</source>
        <translation>Folgt weichen Kanten.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows the edges of a picture.</source>
        <translation>Folgt den Kanten eines Bildes.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows the pose of people.</source>
        <translation>Folgt der Haltung von Menschen.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>FreeU: more of what the UNet makes in its depth, less of what its skips pass by it</source>
        <translation>FreeU: mehr von dem, was das UNet in der Tiefe macht, weniger von dem, was seine Skips daran vorbeileiten</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Grey is strength</source>
        <translation>Grau ist Stärke</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Guidance</source>
        <translation>Guidance</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Guidance variants</source>
        <translation>Guidance-Varianten</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Height in pixels</source>
        <translation>Höhe in Pixeln</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Heun that goes back up and down again; 20 steps and more</source>
        <translation>Heun, das noch einmal hinauf- und hinuntergeht; ab 20 Schritten</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>How closely InstructPix2Pix keeps to the picture.</source>
        <translation>Wie eng sich InstructPix2Pix an das Bild hält.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>How much is drawn anew: 0 keeps the picture, 1 keeps next to nothing.</source>
        <translation>Wie viel neu gezeichnet wird: 0 behält das Bild, 1 fast nichts davon.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Invisible watermark</source>
        <translation>Unsichtbares Wasserzeichen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Its seed</source>
        <translation>Deren Seed</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Its surroundings</source>
        <translation>Seine Umgebung</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Keep to it</source>
        <translation>Bildtreue</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Lets any v1-5 model paint a part of a picture anew.</source>
        <translation>Lässt jedes v1-5-Modell einen Teil eines Bildes neu malen.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Levels</source>
        <translation>Stufen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Lines of a drawing or photo, white on black</source>
        <translation>Linien einer Zeichnung oder eines Fotos, weiß auf schwarz</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Match colours at the seam</source>
        <translation>Farben an der Naht angleichen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Near white, far black, by a depth network of yours (DPT, Depth Anything).</source>
        <translation>Nah weiß, fern schwarz, durch ein eigenes Tiefennetz (DPT, Depth Anything).</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Noise</source>
        <translation>Rauschen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Noise from</source>
        <translation>Rauschen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Nothing</source>
        <translation>Nichts</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>NumPy</source>
        <translation>NumPy</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Or the timesteps of the levels, falling from 999 to 0: 999, 749, 499, 249.</source>
        <translation>Oder die Timesteps der Stufen, fallend von 999 bis 0: 999, 749, 499, 249.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>PLMS without its extra first evaluation</source>
        <translation>PLMS ohne dessen zusätzliche erste Auswertung</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Paint a mask</source>
        <translation>Maske malen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Paints a part of a picture anew, and sees what is around it.</source>
        <translation>Malt einen Teil eines Bildes neu und sieht, was darum herum ist.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Philox</source>
        <translation>Philox</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Picture to picture</source>
        <translation>Bild zu Bild</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Pictures in four to eight steps, with the sampler LCM.</source>
        <translation>Bilder in vier bis acht Schritten, mit dem Sampler LCM.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Pictures in the manner of a picture; it needs the image encoder too.</source>
        <translation>Bilder in der Art eines Bildes; braucht auch den Bild-Encoder.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Pixels around the mask that are seen and drawn with it.</source>
        <translation>Pixel um die Maske, die mit ihr gesehen und gezeichnet werden.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Prompt</source>
        <translation>Prompt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>PyTorch</source>
        <translation>PyTorch</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Regions</source>
        <translation>Bereiche</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Reproduce as</source>
        <translation>Numerik von</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Rescale</source>
        <translation>Rescale</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Sampler</source>
        <translation>Sampler</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Schedule</source>
        <translation>Zeitplan</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Seed</source>
        <translation>Seed</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Sees the picture for every IP-Adapter of v1.</source>
        <translation>Sieht das Bild für jeden IP-Adapter von v1.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Skeletons of persons, by a pose network of yours (ViTPose).</source>
        <translation>Skelette von Personen, durch ein eigenes Posennetz (ViTPose).</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Soft edge</source>
        <translation>Weicher Rand</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Speed</source>
        <translation>Tempo</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Start with</source>
        <translation>Beginnen mit</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Steps</source>
        <translation>Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Strength</source>
        <translation>Stärke</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>The first: 237,000 steps at 256 × 256 and 194,000 at 512 × 512.</source>
        <translation>Das erste: 237.000 Schritte bei 256 × 256 und 194.000 bei 512 × 512.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>The numerics' own</source>
        <translation>Das der Numerik</translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>The one that most LoRAs, ControlNets and community models are made for.</source>
        <translation>Das, für das die meisten LoRAs, ControlNets und Community-Modelle gemacht sind.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>The photo without its finer details, for a tile ControlNet.</source>
        <translation>Das Foto ohne seine feineren Details, für ein Tile-ControlNet.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>The photo's colours and shapes, all in other places.</source>
        <translation>Die Farben und Formen des Fotos, alle an anderer Stelle.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>The picture</source>
        <translation>Das Bild</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>The sampler's own</source>
        <translation>Der des Samplers</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Thick strokes, white on black</source>
        <translation>Dicke Striche, weiß auf schwarz</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Thin edges, white on black.</source>
        <translation>Dünne Kanten, weiß auf schwarz.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Timesteps</source>
        <translation>Timesteps</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>VAE</source>
        <translation>VAE</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Variation</source>
        <translation>Variation</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>What it should not show</source>
        <translation>Was nicht zu sehen sein soll</translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>White where the photo is bright, black elsewhere.</source>
        <translation>Weiß, wo das Foto hell ist, sonst schwarz.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Width in pixels</source>
        <translation>Breite in Pixeln</translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Your own noise levels, falling to 0, in place of steps and schedule: 14.6, 7, 3, 1, 0.</source>
        <translation>Eigene Rauschstufen, fallend bis 0, anstelle von Schritten und Zeitplan: 14.6, 7, 3, 1, 0.</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>a power of the step in the logarithm of sigma</source>
        <translation>eine Potenz des Schritts im Logarithmus von Sigma</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>a variant of DPM++ 2M SDE</source>
        <translation>eine Variante von DPM++ 2M SDE</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>absolute error allowed in a step</source>
        <translation>erlaubter absoluter Fehler eines Schritts</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>accurate but two evaluations a step; 10 to 20 steps</source>
        <translation>genau, aber zwei Auswertungen je Schritt; 10 bis 20 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>adaptive projected guidance: guidance without its part that oversaturates</source>
        <translation>adaptive projizierte Guidance: Guidance ohne den Anteil, der übersättigt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>as A1111 draws it on Nvidia's GPUs</source>
        <translation>wie A1111 es auf Nvidia-GPUs zieht</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>as Apple's Core ML tools draw it</source>
        <translation>wie Apples Core-ML-Werkzeuge es ziehen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>as diffusers and A1111 on a processor draw it</source>
        <translation>wie diffusers und A1111 es auf einem Prozessor ziehen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>chooses its own steps (the number asked is ignored); slow and accurate</source>
        <translation>wählt seine Schritte selbst (die Anzahl wird ignoriert); langsam und genau</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>dense at both ends (Lee et al. 2024, alpha = beta = 0.6)</source>
        <translation>dicht an beiden Enden (Lee et al. 2024, alpha = beta = 0.6)</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>dense at low noise (Karras et al. 2022, rho 7); the usual choice</source>
        <translation>dicht bei wenig Rauschen (Karras et al. 2022, rho 7); die übliche Wahl</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>derivative part of the step controller</source>
        <translation>Differentialanteil der Schrittsteuerung</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>detailed and varied; 15 to 25 steps</source>
        <translation>detailreich und abwechslungsreich; 15 bis 25 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>equal ratios between levels</source>
        <translation>gleiche Verhältnisse zwischen den Stufen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>equal steps in the angle arctan(sigma) (Sabour et al. 2024)</source>
        <translation>gleiche Schritte im Winkel arctan(sigma) (Sabour et al. 2024)</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>equal steps in time from the noisiest level to the cleanest</source>
        <translation>gleiche Zeitschritte von der verrauschtesten bis zur saubersten Stufe</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>equal steps in time that stop short of the last level</source>
        <translation>gleiche Zeitschritte, die vor der letzten Stufe enden</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>every k-th training level, from the noisiest</source>
        <translation>jede k-te Trainingsstufe, ab der verrauschtesten</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>every step in full: the picture the settings stand for</source>
        <translation>jeder Schritt vollständig: das Bild, für das die Einstellungen stehen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>exponential integrator in sigma; 10 to 20 steps</source>
        <translation>exponentieller Integrator in Sigma; 10 bis 20 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>first step in log sigma</source>
        <translation>erster Schritt in log Sigma</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>for 30 steps and more, low guidance</source>
        <translation>ab 30 Schritten, bei niedriger Guidance</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>half of the features of the lowest level on the way up, times this</source>
        <translation>die Hälfte der Merkmale der untersten Ebene auf dem Weg nach oben, mal diese Zahl</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>highest sigma at which noise is added</source>
        <translation>höchstes Sigma, bei dem Rauschen dazukommt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>how far away from the perturbed output</source>
        <translation>wie weit weg von der gestörten Ausgabe</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>how far back each step is renoised</source>
        <translation>wie weit jeder Schritt zurück verrauscht wird</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>how many past steps it uses</source>
        <translation>wie viele frühere Schritte es nutzt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>how much better than needed a step must be</source>
        <translation>um wie viel besser als nötig ein Schritt sein muss</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>how much of the part along the conditional output stays; 1 is all of it</source>
        <translation>wie viel vom Anteil entlang der bedingten Ausgabe bleibt; 1 ist alles</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>integral part of the step controller</source>
        <translation>Integralanteil der Schrittsteuerung</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>k-diffusion numerics in float64, unit variance at the start; everything pairs</source>
        <translation>Numerik von k-diffusion in float64, Einheitsvarianz am Anfang; alles ist kombinierbar</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>largest norm of a step's update; 0 is no limit</source>
        <translation>größte Norm der Änderung eines Schritts; 0 ist ohne Grenze</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>levels 1, 1+c, 1+2c … with c = 1000 // steps; not every count divides, so it may take more steps</source>
        <translation>Stufen 1, 1+c, 1+2c … mit c = 1000 // Schritte; nicht jede Anzahl geht auf, daher können es mehr Schritte werden</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>levels optimised for v1 models (Sabour et al. 2024); 10 steps</source>
        <translation>für v1-Modelle optimierte Stufen (Sabour et al. 2024); 10 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>linear multistep; 20 to 50 steps, unstable below</source>
        <translation>lineares Mehrschrittverfahren; 20 bis 50 Schritte, darunter instabil</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>lossy: as fast, without guidance at low noise, and 12 steps suit it</source>
        <translation>verlustbehaftet: ebenso schnell, ohne Guidance bei wenig Rauschen; 12 Schritte passen dazu</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>lossy: every other step reuses the deep features of the one before, and similar pixels share their attention</source>
        <translation>verlustbehaftet: jeder zweite Schritt verwendet die tiefen Merkmale des vorigen, und ähnliche Pixel teilen sich ihre Attention</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>lowest sigma at which noise is added</source>
        <translation>niedrigstes Sigma, bei dem Rauschen dazukommt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>midpoint method; 10 to 20 steps</source>
        <translation>Mittelpunktverfahren; 10 bis 20 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>noise added before each step, spread over the run</source>
        <translation>Rauschen vor jedem Schritt, über den Lauf verteilt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>noise renewed between timesteps 200 and 800</source>
        <translation>Rauschen zwischen den Zeitschritten 200 und 800 erneuert</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>of the updates before; negative takes back what they had in common</source>
        <translation>der früheren Änderungen; negativ nimmt zurück, was ihnen gemeinsam war</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>one evaluation per step asked, in groups of three</source>
        <translation>eine Auswertung je Schritt, in Dreiergruppen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>only for LCM models and LoRAs: 2 to 8 steps, guidance 1 to 2</source>
        <translation>nur für LCM-Modelle und -LoRAs: 2 bis 8 Schritte, Guidance 1 bis 2</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>only for TCD models and LoRAs: 4 to 8 steps, guidance 1</source>
        <translation>nur für TCD-Modelle und -LoRAs: 4 bis 8 Schritte, Guidance 1</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>order of the corrector</source>
        <translation>Ordnung des Korrektors</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>order of the predictor</source>
        <translation>Ordnung des Prädiktors</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>order of the solver</source>
        <translation>Ordnung des Lösers</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>perturbed attention guidance: away from what the model draws where its middle attends to nothing</source>
        <translation>Perturbed Attention Guidance: weg von dem, was das Modell zeichnet, wenn seine Mitte auf nichts achtet</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>predictor and corrector; good at 8 to 15 steps</source>
        <translation>Prädiktor und Korrektor; gut bei 8 bis 15 Schritten</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>proportional part of the step controller</source>
        <translation>Proportionalanteil der Schrittsteuerung</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>relative error allowed in a step</source>
        <translation>erlaubter relativer Fehler eines Schritts</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>renewed noise</source>
        <translation>erneuertes Rauschen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>rich detail at 10 to 20 steps</source>
        <translation>viele Details bei 10 bis 20 Schritten</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>scale of the noise that is added</source>
        <translation>Faktor des Rauschens, das dazukommt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>share of each step's noise that is renewed; 0 makes it deterministic</source>
        <translation>Anteil des Rauschens jedes Schritts, der erneuert wird; 0 macht es deterministisch</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>simple and predictable; 20 to 30 steps</source>
        <translation>einfach und vorhersehbar; 20 bis 30 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>small equal steps first, then quadratic ones</source>
        <translation>erst kleine gleiche Schritte, dann quadratische</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>soft and varied; the picture keeps changing with more steps</source>
        <translation>weich und abwechslungsreich; mit mehr Schritten ändert sich das Bild weiter</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>step weight of the paper</source>
        <translation>Schrittgewicht aus dem Aufsatz</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>stochastic Adams with corrector; 15 to 30 steps</source>
        <translation>stochastisches Adams-Verfahren mit Korrektor; 15 bis 30 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the AUTOMATIC1111 web UI from 1.6 on, and k-diffusion itself</source>
        <translation>die Web-UI AUTOMATIC1111 ab 1.6 und k-diffusion selbst</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the best start: sharp at 20 steps</source>
        <translation>der beste Anfang: scharf bei 20 Schritten</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the classic; 30 to 50 steps, good for image to image</source>
        <translation>der Klassiker; 30 bis 50 Schritte, gut für Bild zu Bild</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the diffusers library with the v1 scheduler config</source>
        <translation>die Bibliothek diffusers mit der Scheduler-Konfiguration von v1</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the first v1 release's fast sampler; 25 to 50 steps</source>
        <translation>der schnelle Sampler der ersten v1-Veröffentlichung; 25 bis 50 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the levels consistency models are distilled on (50 of them); 1 to 8 steps</source>
        <translation>die (50) Stufen, auf die Consistency-Modelle destilliert sind; 1 bis 8 Schritte</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>the lowest frequencies of the lowest level's skips, times this</source>
        <translation>die tiefsten Frequenzen der Skips der untersten Ebene, mal diese Zahl</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the masked part starts empty</source>
        <translation>der maskierte Teil beginnt leer</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the masked part starts from noise</source>
        <translation>der maskierte Teil beginnt mit Rauschen</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the masked part starts from the colours around it</source>
        <translation>der maskierte Teil beginnt mit den Farben darum herum</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the masked part starts from what is there</source>
        <translation>der maskierte Teil beginnt mit dem, was da ist</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the original CompVis scripts: DDIM and PLMS</source>
        <translation>die ursprünglichen Skripte von CompVis: DDIM und PLMS</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the original random process; needs 100 steps and more</source>
        <translation>der ursprüngliche Zufallsprozess; braucht 100 Schritte und mehr</translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>the same one level above</source>
        <translation>dasselbe eine Ebene darüber</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>where in the step the second evaluation lies</source>
        <translation>wo im Schritt die zweite Auswertung liegt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>whole timesteps 1, 1+c, 1+2c …, exactly as many as asked</source>
        <translation>ganze Zeitschritte 1, 1+c, 1+2c …, genau so viele wie verlangt</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>whole timesteps counted down from 999; for zero terminal SNR</source>
        <translation>ganze Zeitschritte von 999 abwärts; für Zero Terminal SNR</translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>whole timesteps spread from 999 to 0</source>
        <translation>ganze Zeitschritte, von 999 bis 0 verteilt</translation>
    </message>
</context>
</TS>
