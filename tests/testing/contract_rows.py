"""What the contract is checked for: every row of the table of methods, and variants."""

import swatlib
from swatlib.methods import ALIASES, METHODS, NO_SPARSITY

ROWS = {name: swatlib.method(name, 0.0 if name in NO_SPARSITY else 0.5) for name in METHODS} | {
    "swat, period 3": swatlib.swat(0.8, period=3),
    "swat, sampled": swatlib.swat(0.8, sample=64),
    "swat, exact": swatlib.swat(0.8, exact=True),
    "swat structured": swatlib.swat(0.5, structured="filter"),
    "saw, random": swatlib.saw(0.5, random=True),
    "saw, per channel": swatlib.saw(0.5, over="HW"),
    "meprop unified": swatlib.meprop(0.5, unified=True),
    "forward-weight, matched": swatlib.recipe("forward-weight", 0.5, matched=True),
    "sr-ste, decay outside": swatlib.method("sr-ste", 0.5, decoupled_decay=True),
    **{name: swatlib.method(name, 0.5) for name in ALIASES},
    "resprop, no warm-up": swatlib.method("resprop", 0.5, warmup=0),
    "dsg, each sample": swatlib.method("dsg", 0.5, shared=False, refresh=2, classifier_dense=False),
    "swat, frozen": swatlib.method("swat", 0.8, freeze_epoch=1),
    "swat, masked gradients": swatlib.method("swat", 0.8, masked_gradients=True),
    "swat, ramp": swatlib.method("swat", 0.8, ramp=0.5),
    "static, ramp": swatlib.method("static", 0.8, ramp=0.5),
    "rigl, each step": swatlib.method("rigl", 0.8, every=1, allocation="erk"),
    "snfs, each step": swatlib.method("snfs", 0.8, every=1, ramp=0.5),
    "dsr, each step": swatlib.method("dsr", 0.8, every=1),
    "gmp, at once": swatlib.method("gmp", 0.8, every=1, begin=0.0, until=0.1),
    "imp, rewound": swatlib.method("imp", 0.8, rounds=19, rewind=True),
    "dpf, each step": swatlib.method("dpf", 0.8, every=1, until=0.1),
    "swat, classifier dense": swatlib.method("swat", 0.8, classifier_dense=True),
}
