"""The challenger: watches assertions, finds the first wrong step, plays the game and settles it on L1.

Pure: `game` (the rules), `solver` (what to do next), `defender` (the asserter's side). Everything else is the daemon
around them. Nothing is kept here that can't be read from L1 again.
"""
