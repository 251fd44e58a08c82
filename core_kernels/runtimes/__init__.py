"""Networks on every runtime behind one interface, and `prepare`, which makes their static form.

`base` says what a runtime offers, `registry` which there are, `opening` opens a prepared artefact,
`prepare` writes one or makes a training step. Nothing here but the runtimes on torch, `prepare` and
the training step imports torch, so a process that serves with OpenVINO stays small.
"""
