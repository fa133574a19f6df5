"""The exercises themselves: one module for each notebook, each with its tuple EXERCISES."""

MODULES = (
    "scan",
    "ssm",
    "duality",
    "delta",
    "gru",
    "decay",
    "newton",
    "kernel",
    "titans",
    "hub",
    "omega",
    "mole",
    "audit",
    "idme",
    "loops",
)
