<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>models</name>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source> (left in its place)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>1. If it is a private one, sign in with the account that may see it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>1. On its page, sign in and press the button that agrees to its conditions and asks for access.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>2. On the page of tokens, make one that may read, and copy it to here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>A small copy of it is kept; Picture of Its Model in the gallery does the same</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Accept and Download</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Access token</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Add Models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Add a Diffusers Folder or Converted Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Added</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Adding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Adding CLIP's vocabulary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Adding {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Address of a model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>All its files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Another licence than its files name:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Another one: OWNER/NAME, or its address at huggingface.co</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Asking {0}…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Asking…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>Base</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Beginning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <source>By address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>CLIP's vocabulary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Checking and adding it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Choose CLIP's Vocabulary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Choose Its File…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Choose a Picture…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Control model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>ControlNet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Correct the Licence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Delete</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Delete What Has Come</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Delete {0} from the library?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Depth network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Detector</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Download</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Drop checkpoints, diffusers folders, VAEs, LoRAs, embeddings or converted models anywhere here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Edition</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Embedding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Every file is as it was added.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Failed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/table.py"/>
        <source>File is gone</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Files…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Folder…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Forget the token that was given, also in the keyring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>From</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Full precision</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Get</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Get Models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Get asks {0} for its size and licence. Nothing is downloaded before you agree.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Go On</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Half precision</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Hash</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>I Have Read and Accept It</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>IP-Adapter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Image encoder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Installed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Into the prompt by a click:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>It allows use and sharing, also commercial, and forbids the uses listed in its Attachment A; these restrictions apply to you and go along with every copy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/hub_downloads.py"/>
        <source>It ended without a word.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>It goes into the system's keyring; where there is none it is forgotten when sdedge is closed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>It is installed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Its copy in {0} is deleted for good.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Its files name no licence. Models trained from Stable Diffusion v1 carry the use restrictions of {0}; where it comes from says which it is under.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Its page may say what you may do with it; the model's details record what you find.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Its trainer's words, by a click:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>Kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Leave the files where they are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Licence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/table.py"/>
        <source>Licence not accepted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Licence: {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>LoRA</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Look Up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Models of the community, LoRAs and everything else that the hub has for v1 come by their address.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Models, VAEs, LoRAs and embeddings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Models, VAEs, LoRAs, embeddings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>Name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>No Picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Note</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Notes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Only files and folders of this computer can be added; download it first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Open Its Page</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Open the Page of Tokens</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Pause</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Paused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Paused, {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Person detector</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Picture of the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Picture of {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Pictures ({0})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Pose network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Put {0} into the prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Read the Licence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/table.py"/>
        <source>Ready</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Record It</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Remember where a model is instead of copying it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Remove…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Show Under Models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Show in Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/table.py"/>
        <source>State</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/kinds.py"/>
        <source>T2I-Adapter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>The prompt has {0} already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>The token is in the system's keyring.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>The token is used until sdedge is closed; the system has no keyring that sdedge can use.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>The weights are under the {0} licence. It allows use and sharing, also commercial, and forbids the uses listed in its Attachment A; these restrictions apply to you and go along with every copy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Too little room: {0} of it are needed, {1} are free.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Trigger words</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/notes_card.py"/>
        <source>Trigger words, separated by commas</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Try Again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Try Without a Token</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>Upscaler</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/get_details.py"/>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Use It</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/token_card.py"/>
        <source>Use This Token</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Use by Default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/table.py"/>
        <source>Used by default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <location filename="../../../gui/models/kinds.py"/>
        <source>VAE</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Verify the Files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>Verifying {0}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <source>Vocabulary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Waiting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>Waiting for what is downloaded before it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>Wants access</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>What can be got</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>What has come is kept, and goes on from there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <location filename="../../../gui/models/get_details.py"/>
        <source>What is known of it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>What it allows is said on its page.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_table.py"/>
        <source>What it does</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>Where</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/details.py"/>
        <source>not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>not named</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} (pickle)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} a second · {1} left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} are free on the disk.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>{0} has no picture any more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>{0} is in the prompt.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_view.py"/>
        <source>{0} is installed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/view.py"/>
        <source>{0} is not there any more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} of {1}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} of {1}, paused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="../../../gui/models/get_details.py"/>
        <source>{0} of {1}, stopped</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
