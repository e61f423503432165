<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>queue</name>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>(no prompt)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>A job that waited was cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Cancel after this picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Cancel now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/job_list.py"/>
        <source>Cancel this job (Del)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Cancelled: {0} of {1} pictures were drawn.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Draw earlier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Draw later</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Draw the same again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Drawn now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>End the engine at once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Finished</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Finished ({0})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Finished jobs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Forget it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/job_list.py"/>
        <source>Forget this job; its pictures stay</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Go on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Go on with the queue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Hold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Nothing waits. Each press of Generate lines up here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Paused.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Queue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Try again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/view.py"/>
        <source>Use its settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>about {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>cancelled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>done</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>ending</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>ends after this picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>failed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>on hold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>pass {0}/{1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>step {0}/{1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>waiting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>{0} of {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>{0} of {1} pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/queue/model.py"/>
        <source>{0} pictures</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
