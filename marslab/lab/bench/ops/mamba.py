"""The functions of mamba-ssm, without what its package loads besides."""

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from marslab.lab.bench.variants import attribute


def mamba(module: str, name: str) -> Any:
    """A function of a module of mamba-ssm.

    The package's own start loads its models and its compiled extension, which the Triton kernels
    do without; an empty module in its place leads to the same folder.
    """
    if "mamba_ssm" not in sys.modules:
        spec = find_spec("mamba_ssm")
        bare = ModuleType("mamba_ssm")
        bare.__path__ = list(spec.submodule_search_locations or ()) if spec else []
        sys.modules["mamba_ssm"] = bare
    return attribute(f"mamba_ssm.{module}", name)
