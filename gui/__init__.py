"""The desktop app. Qt only: the engine lives in a process of its own, started through sdedge.process.supervisor."""
