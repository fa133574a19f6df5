"""Top floor of the library: things to see and drag. Nothing below imports this package."""

if __name__ != "marslab.widgets":
    raise ImportError("this folder is the package marslab.widgets; run `pip install -e .` once")
