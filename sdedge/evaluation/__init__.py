"""How well pictures show what their prompts say: two judges, one measure for everything a user can choose."""
