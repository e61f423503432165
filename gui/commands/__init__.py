"""`sdedge …` in processes of its own, one after the other, shown as cards."""
