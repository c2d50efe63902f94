"""`verdict demo`: a whole rollup on this machine, and a lie that dies in it."""
