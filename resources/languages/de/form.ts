<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>form</name>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>A CSV of tags, as A1111's tag completion reads it: tag, kind, count, other names</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>A ControlNet, T2I-Adapter or IP-Adapter, with a picture that says what goes where</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>A large picture in windows that overlap: 512:128, or auto for the model's size. Empty is as a whole.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>A line of a list, chosen by the seed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>A picture for the control</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>A prompt for these alone; [SEP] stands between the prompts of several.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>A region without the mouse; its sides are typed in fractions of the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Across</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Acts from this fraction of the steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Acts up to this fraction of the steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Add</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Add a LoRA…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>Add a control…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Add a detector under Models, such as face_yolov8n.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Add an embedding…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Add the left half</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Add to the Paused Queue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Add to the queue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/image_section.py"/>
        <source>All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/view.py"/>
        <source>Also, from a picture: {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Another prompt while it is drawn anew; empty is the one above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Apply a style…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>Asking…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Attention</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Attention costs next to nothing; prediction works with every engine, half a step each.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Away from what is drawn without looking at the whole. Half a step more for each step.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Base</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Batch size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Becomes, for example: {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Beside it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>By</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Cancel the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Cancelling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Change the mask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Choose a file…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Choose a picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Choose tags to complete</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Choose the picture of {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Choose…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Clearer structure (PAG)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Compare in a grid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Complete no tags</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Control model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Count</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Counts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Cut to the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Drag handles on the canvas outwards: what is added is drawn; an arrow key adds on its side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Drag on the canvas to draw a region; move it, or drag its edges</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Draw on the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/memory_hint.py"/>
        <source>Draw one at a time, which fits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Draw the grid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Draw with it; off, it keeps its place and its weight.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Draw with {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Drop a picture anywhere on the window, or choose one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Enlarge</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Faces, hands or whatever an installed detector finds, each drawn again at full size.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Fitted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Forget these</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Fraction of the main prompt in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/generate_buttons.py"/>
        <source>Generate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Guidance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Guidance of drawing it anew</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Guidance while it is drawn anew; empty is as above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>High guidance without glare (APG)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Highest noise level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Hint by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Hires fix</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How many times as wide and as high it becomes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How much is drawn anew: little keeps the picture, much adds detail.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How much of each is drawn anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>How much of the prompt above acts here too; more makes it one picture.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>How strongly it acts: 0 is not at all, 1 as it was trained.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How sure the detector must be</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>How sure the detector must be of what it finds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>How the hint is fitted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>In the data folder: {0}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>In windows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Insert a wildcard…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Its weight in the UNet; in the text encoder it stays {0:g}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Left side, in fractions of the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Lines up a picture for each pair, and puts them on one labelled sheet at the end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Lists of tags (*.csv *.txt)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>LoRA and embeddings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Lower side, in fractions of the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Lowest noise level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Making it…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Mask {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>More</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>More from the depth (FreeU)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>More of what the network makes in its depth, less of what passes by it. Costs nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <location filename="../../../gui/form/view.py"/>
        <source>Negative prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>No</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>No control model is installed: get one under Get Models, or drop its file on Models.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Noise levels (sigma) in which guidance acts, 14.6 at the start and 0 at the end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>None is installed: drop their files on Models.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Nothing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Of styles.csv: it is laid around both prompts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Only enlarge</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Open a picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Over it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Picture to start from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Pictures ({0})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Pixels to add above</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Pixels to add at the left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Pixels to add at the right</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>Pixels to add below</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Prediction</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Prompt and hint alike</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>Prompt history</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Prompt of drawing details again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Prompt of drawing it anew</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Prompt of region {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>Prompts that you draw with are kept here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Put an embedding into the prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Put an installed LoRA into the prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Reading {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Redraw</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Region {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Remove the mask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Right side, in fractions of the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Sampler and schedule</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>Show another choice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Show the hint of {0} large</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>Sizes to choose from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/aspect_chips.py"/>
        <source>Square</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/start_chip.py"/>
        <source>Start from noise again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/start_chip.py"/>
        <source>Starts from {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/start_chip.py"/>
        <source>Starts from {0}, masked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Steps of drawing it anew</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Steps of drawing it anew; empty is as many as above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Strength</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Strength of drawing details again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Strength of drawing it anew</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Strength of hires fix</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>Stretched</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>Styles and wildcards</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Surely</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Tags to complete</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>Tags: none are completed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Take region {0} out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>Take the picture out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Take {0} out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/guidance_section.py"/>
        <source>Takes out the part of guidance that oversaturates. Costs nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>The LoRA {0} is taken out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>The control {0} is taken out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The hint more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/image_section.py"/>
        <source>The mask is taken out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <location filename="../../../gui/form/view.py"/>
        <source>The model's own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/start_chip.py"/>
        <source>The next picture starts from noise again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The picture as it is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The picture on the canvas</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The picture to start from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>The picture's own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>The prompt above draws what no region covers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>The prompt more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>The region is taken out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>The style {0} is applied.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>They go into the prompt.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/memory_hint.py"/>
        <source>This needs about {0} of memory, and {1} are free.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>Time and memory that they add, planned or measured here; nothing is drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Times</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>Times as large</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Upper side, in fractions of the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/aspect_chips.py"/>
        <source>Upright</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>Use what suits it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/memory_hint.py"/>
        <source>Use {0} × {1}, one at a time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/memory_hint.py"/>
        <source>Use {0} × {1}, which fits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Values across</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Values down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>Values with commas between; 1-4 is 1, 2, 3, 4; quotes hold a comma together</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/lora_rows.py"/>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Weight</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <location filename="../../../gui/form/lora_rows.py"/>
        <source>Weight of {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Weight where regions overlap</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>What another seed would choose; the picture's own seed decides</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>What counts more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_section.py"/>
        <source>What do they cost?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>What enlarges it. Latent ways want a strength of 0.5 or more, the others 0.2 or more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>What makes the hint</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>What this area shows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>What to compare</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/view.py"/>
        <source>What turns latents into pixels; another one changes colours and fine detail.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/aspect_chips.py"/>
        <source>Wide</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>With its edges continued</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/regions_section.py"/>
        <source>Write what this area shows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>as a whole</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>as above</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>auto</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/seed_size.py"/>
        <source>by chance</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>drawn small, where v1 composes best, then enlarged and drawn anew in part</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/control_row.py"/>
        <source>it is a hint already</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/sampler_options.py"/>
        <source>no limit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>styles.csv has none yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/enlarge_section.py"/>
        <source>the finished picture, without drawing it anew</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/styles_section.py"/>
        <source>the folder wildcards has no lists yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>{0} of {1} tokens</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/prompt_field.py"/>
        <source>{0} of {1} tokens in {2} parts, each read on its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/grid_section.py"/>
        <source>{0} × {1} pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/edges_field.py"/>
        <source>{0} × {1} → {2} × {3}; a strength of 1 draws the new part freely</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/few_steps_hint.py"/>
        <source>{0}. These suit it: {1}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/form/adapters_section.py"/>
        <source>{0}: {1} tags</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
