<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>tables</name>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>0 is deterministic, 1 is DDPM</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>195,000 steps from v1-2, a tenth of them without a text.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>225,000 steps from v1-2 on pictures chosen for their looks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>515,000 steps from v1-1 on pictures chosen for their looks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>A coarse grid of the photo's colours.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Advanced</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Against glaring colours of a high guidance; 0 is off, 0.7 is usual.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Apple's Swift package: PNDM and DPM-Solver++ with NumPy's noise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Around it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Between</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Black lines on white become white lines on black.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Broad soft edges, brighter where they are stronger.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>CLIP's words and their numbers. Models of a single file need it once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Cleaner faces and small print than v1's own VAE; a little smoother.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Cleaner faces than v1's own VAE, and closer to it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Clip skip</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Control and pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>DPM++ 2M with renewed noise; 25 to 30 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>DPM2 with renewed noise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Draw in windows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Draw the masked part at full size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Edges continue on the other side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Enlarge and redraw</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Enlarges pictures four times.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Enlarges pictures twice.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Exact</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Extend its edges</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Fast</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Fastest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows a depth map: what is near, what is far.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows a drawing of a few lines.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows a line drawing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows edges, at a fraction of a ControlNet's size.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows soft edges.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows the edges of a picture.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Follows the pose of people.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>FreeU: more of what the UNet makes in its depth, less of what its skips pass by it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Grey is strength</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Guidance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Guidance variants</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Height in pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Heun that goes back up and down again; 20 steps and more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>How closely InstructPix2Pix keeps to the picture.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>How much is drawn anew: 0 keeps the picture, 1 keeps next to nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Invisible watermark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Its seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Its surroundings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Keep to it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Lets any v1-5 model paint a part of a picture anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Levels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Lines of a drawing or photo, white on black</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Match colours at the seam</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Near white, far black, by a depth network of yours (DPT, Depth Anything).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Noise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Noise from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Nothing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>NumPy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>PLMS without its extra first evaluation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Paint a mask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Paints a part of a picture anew, and sees what is around it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>Philox</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Picture to picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Pictures in four to eight steps, with the sampler LCM.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Pictures in the manner of a picture; it needs the image encoder too.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Pixels around the mask that are seen and drawn with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>PyTorch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Regions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Reproduce as</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Rescale</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Sampler</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Schedule</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>Sees the picture for every IP-Adapter of v1.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Skeletons of persons, by a pose network of yours (ViTPose).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Soft edge</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Speed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Start with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Strength</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>The first: 237,000 steps at 256 × 256 and 194,000 at 512 × 512.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/library/hub_entries.py"/>
        <source>The one that most LoRAs, ControlNets and community models are made for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>The photo without its finer details, for a tile ControlNet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>The photo's colours and shapes, all in other places.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>The picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Thick strokes, white on black</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>Thin edges, white on black.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>VAE</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Variation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>What it should not show</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>What suits the numerics</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>What suits the sampler</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/preprocessors.py"/>
        <source>White where the photo is bright, black elsewhere.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Width in pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/request_fields.py"/>
        <source>Your own noise levels, falling to 0, in place of steps and schedule: 14.6, 7, 3, 1, 0.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>a power of the step in the logarithm of sigma</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>a variant of DPM++ 2M SDE</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>absolute error allowed in a step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>accurate but two evaluations a step; 10 to 20 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>adaptive projected guidance: guidance without its part that oversaturates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>as A1111 draws it on Nvidia's GPUs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>as Apple's Core ML tools draw it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>as diffusers and A1111 on a processor draw it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>chooses its own steps (the number asked is ignored); slow and accurate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>dense at both ends (Lee et al. 2024, alpha = beta = 0.6)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>dense at low noise (Karras et al. 2022, rho 7); the usual choice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>derivative part of the step controller</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>detailed and varied; 15 to 25 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>equal ratios between levels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>equal steps in the angle arctan(sigma) (Sabour et al. 2024)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>equal steps in time from the noisiest level to the cleanest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>equal steps in time that stop short of the last level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>every k-th training level, from the noisiest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>every step in full: the picture the settings stand for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>exponential integrator in sigma; 10 to 20 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>first step in log sigma</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>for 30 steps and more, low guidance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>half of the features of the lowest level on the way up, times this</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>highest sigma at which noise is added</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>how far away from the perturbed output</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>how far back each step is renoised</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>how many past steps it uses</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>how much better than needed a step must be</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>how much of the part along the conditional output stays; 1 is all of it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>integral part of the step controller</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>k-diffusion numerics in float64, unit variance at the start; everything pairs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>largest norm of a step's update; 0 is no limit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>levels 1, 1+c, 1+2c … with c = 1000 // steps; not every count divides, so it may take more steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>levels optimised for v1 models (Sabour et al. 2024); 10 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>linear multistep; 20 to 50 steps, unstable below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>lossy: as fast, without guidance at low noise, and 12 steps suit it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>lossy: every other step reuses the deep features of the one before, and similar pixels share their attention</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>lowest sigma at which noise is added</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>midpoint method; 10 to 20 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>noise added before each step, spread over the run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>noise renewed between timesteps 200 and 800</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>of the updates before; negative takes back what they had in common</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>one evaluation per step asked, in groups of three</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>only for LCM models and LoRAs: 2 to 8 steps, guidance 1 to 2</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>only for TCD models and LoRAs: 4 to 8 steps, guidance 1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>order of the corrector</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>order of the predictor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>order of the solver</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>perturbed attention guidance: away from what the model draws where its middle attends to nothing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>predictor and corrector; good at 8 to 15 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>proportional part of the step controller</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>relative error allowed in a step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>renewed noise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>rich detail at 10 to 20 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>scale of the noise that is added</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>share of each step's noise that is renewed; 0 makes it deterministic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>simple and predictable; 20 to 30 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>small equal steps first, then quadratic ones</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>soft and varied; the picture keeps changing with more steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>step weight of the paper</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>stochastic Adams with corrector; 15 to 30 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the AUTOMATIC1111 web UI from 1.6 on, and k-diffusion itself</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the best start: sharp at 20 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the classic; 30 to 50 steps, good for image to image</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the diffusers library with the v1 scheduler config</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the first v1 release's fast sampler; 25 to 50 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the levels consistency models are distilled on (50 of them); 1 to 8 steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>the lowest frequencies of the lowest level's skips, times this</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the masked part starts empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the masked part starts from noise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the masked part starts from the colours around it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the masked part starts from what is there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the original CompVis scripts: DDIM and PLMS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>the original random process; needs 100 steps and more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/guides.py"/>
        <source>the same one level above</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>where in the step the second evaluation lies</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>whole timesteps 1, 1+c, 1+2c …, exactly as many as asked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>whole timesteps counted down from 999; for zero terminal SNR</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../sdedge/catalog.py"/>
        <source>whole timesteps spread from 999 to 0</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
