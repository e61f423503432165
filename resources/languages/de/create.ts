<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>create</name>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>A blue boat at sunset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>A red house at night</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>A yellow balloon over the desert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>Add one of your own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>After</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>Before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Brush: draw anew</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Cancel the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Cancelled. {0} finished pictures are kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Cancelling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Choose a folder…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Clear</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Decoding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Denoising</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Done</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_boxes.py"/>
        <source>Drag an edge outwards</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_boxes.py"/>
        <source>Drag on the picture to draw a region</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/picture_toolbar.py"/>
        <source>Drag the picture out, or click to see its folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Draw at {0} × {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Draw one at a time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_boxes.py"/>
        <source>Edges to add to the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Enlarging</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Eraser: keep</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>Get a Stable Diffusion v1 model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Go on with the queue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/view.py"/>
        <source>Hint of {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Invert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Loading the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Loading the model for the first time, which takes minutes once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Loading the safety checker</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/box_overlay.py"/>
        <source>No boxes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Picture {0} of {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Preview</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Progress</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Reading the prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/recent.py"/>
        <source>Recent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/recent.py"/>
        <source>Recent pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Redo the stroke</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_boxes.py"/>
        <source>Regions of the picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Saving</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>Say what you want to see</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Seed {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Seeds {0} to {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/grid_sheets.py"/>
        <source>Show it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Show the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Show the models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Size of the brush ([ and ], or Shift and the wheel)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Size of the brush in pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/view.py"/>
        <source>Start from noise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>Starting the engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/view.py"/>
        <source>The form starts from {0}, as you left it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/grid_sheets.py"/>
        <source>The grid is saved as {0}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/welcome.py"/>
        <source>The model “pocket” is ready. It is small and draws houses, boats and balloons, by day, at sunset and at night. Nothing you type or draw leaves this computer. Try one of these, then press Generate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/view.py"/>
        <source>The prompt is cleared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/view.py"/>
        <source>The prompt is empty. Write what you want to see, or press Generate again to draw without one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>The queue is paused. {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>The safety checker filtered the picture of seed {0}; a card stands in its place.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>The safety checker is off; Settings turn it on again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Try again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/presenter.py"/>
        <source>Turn the checker off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Undo the stroke</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas_panel.py"/>
        <source>Zoom {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>about {0} left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>continued at step {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>ends after this picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>first step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>large models take up to a minute; a first compilation takes minutes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>pass {0} of {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>preview</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>step {0} of {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/canvas.py"/>
        <source>zoom {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/box_overlay.py"/>
        <source>{0} of {1}: {2} {3}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/create/progress_strip.py"/>
        <source>{0} pictures</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
