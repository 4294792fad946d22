"""Labels and looks: how every figure and table names and draws methods and networks."""

NETWORK_LABELS = {
    "small_resnet": "residual",
    "small_vgg": "plain",
    "small_densenet": "dense connections",
}
"""The small networks as chapters call them."""

METHOD_LABELS = {
    "dense": "dense",
    "swat": "SWAT",
    "swat-u": "SWAT-U",
    "swat-erk": "SWAT-ERK",
    "swat-m": "SWAT-M",
    "saw": "SAW",
    "meprop": "meProp",
    "forward-weight": "sparse weights",
    "forward-activation": "sparse activations",
    "backward-weight": "sparse weights, backward",
    "backward-activation": "sparse activations, backward",
    "backward-gradient": "sparse gradients",
    "sr-ste": "SR-STE",
    "tsm": "TSM",
    "asp": "ASP",
    "fst-weights": "FST, weights only",
    "fst-unrestored": "FST without restoration",
    "fst": "FST",
    "wg": "WG",
    "wx": "WX",
    "gg": "GG",
    "gx": "GX",
    "hu-2to4": "Hu 2:4",
    "s-ste": "S-STE",
    "mvue": "MVUE",
    "activations-2to4": "2:4 activations",
    "resprop": "ReSprop",
    "dsg": "DSG",
    "static": "static",
    "set": "SET",
    "rigl": "RigL",
    "itop-set": "SET, ITOP",
    "itop-rigl": "RigL, ITOP",
    "snfs": "SNFS",
    "dsr": "DSR",
    "granet": "GraNet",
    "gmp": "GMP",
    "imp": "IMP",
    "one-shot": "one-shot pruning",
    "dpf": "DPF",
    "snip": "SNIP",
    "grasp": "GraSP",
    "sfp": "SFP",
    "asfp": "ASFP",
    "dst": "DST",
    "top-kast": "Top-KAST",
    "small-dense": "small-dense",
}
"""Methods as figures and tables name them."""

LOOKS = {"dense": 6, "swat": 0, "saw": 2, "meprop": 1, "gradients": 3, "random": 4}
"""Index of a method's colour, marker and dash, the same in every chapter."""
