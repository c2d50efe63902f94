"""The web page that daemons serve at /view/: what happens on the rollup, drawn from what `view` reads from L1.

`pages` has the routes, `readings` what they answer with, `assets` the files of `static/`.
"""
