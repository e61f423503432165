<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>convert</name>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>4 bits: changes pictures visibly</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>6 bits: changes pictures a little</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>8 bits: half the size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>About {0} on disk, {1} of memory and {2}, on two processor cores.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Adding {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Adding {0}, which was converted before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Against the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>At least {0:.0f} dB against the model's pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Compare Now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Compare the result with the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Comparing {0} with the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Compression</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Convert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Convert a model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Converted models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Converting to {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Converting works on any computer, in the background. The result is for Apple devices and runs here too.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>Core ML for the GPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>Core ML for the Neural Engine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Delete</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <location filename="../../../gui/convert/view.py"/>
        <source>Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Interrupted before it was finished. Converting the same again goes on with what is there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Its files in {0} are deleted for good. The model it was made from stays.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Its pictures are close to the model's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Its pictures differ from the model's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>MPS graph</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>Macs with a strong GPU; also for other apps that take Core ML</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Makes a copy for the Neural Engine, which takes the least memory and power.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Makes a copy for the graphics of this Mac, which draws every size.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Makes a copy that this processor draws faster. Its pictures differ a little.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Measure This Machine…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Model to convert</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>No converted models yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>None: 16 bits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Not as close to the model as it must be; convert with other options.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Not compared with the model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Optimise for This Mac</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>Optimise for This Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Reading the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Remove {0}?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Remove…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Show in Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Sizes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>Sizes in pixels</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>The result draws every size that the model draws, a graph from {0} to {1}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>This machine draws models best as they are. Details convert one for another.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Use the Result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Verified: close to the model, with weights of {0} bits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>Verified: every network computes what the model's does.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/recommended.py"/>
        <source>What is fastest here was not measured yet; it takes a few seconds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>exact</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>half precision</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>iPhone, iPad and Macs with little memory; least power</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>int8 for the processor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>sdedge on a Mac, at any size; half precision, checked operators</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>single precision</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/targets.py"/>
        <source>x86 processors; lossy, measured on a dozen pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/results.py"/>
        <source>{0:.0f} dB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/convert/view.py"/>
        <source>{0} is not finished.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
