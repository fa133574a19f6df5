"""What this machine has and what marslab will use of it: the answer of `marslab doctor`."""

import platform
import shutil
import socket
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Any

from packaging.requirements import Requirement

PACKAGES = ("torch", "numba", "triton", "numpy", "jupyterlab", "panel", "plotly", "papermill")
PORTS = {"lab": 8888, "dash": 5006}
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def report() -> dict[str, Any]:
    """Return what was found, as plain values that `json.dumps` takes.

    Units:
        sizes in GB of 1e9 bytes

    >>> sorted(report()["backends"])
    ['naive', 'numba', 'torch', 'triton']
    """
    return {
        "marslab": version("marslab"),
        "python": f"{platform.python_version()} at {sys.executable}",
        "platform": platform.platform(),
        **_hardware(),
        "packages": {name: _version(name) for name in PACKAGES},
        "backends": _backends(),
        "threads": _threads(),
        **_home(),
        "chromium": chromium(),
        "extras": extras(),
        "ports": {name: _port(number) for name, number in PORTS.items()},
    }


def told(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the report in words: (what, lines).

    >>> print(dict(told(report()))["extras"].splitlines()[0].partition(":")[0])
    gpu
    """
    cores, memory = found["cores"], found["memory"]
    return [
        ("marslab", f"{found['marslab']}, python {found['python']}"),
        ("machine", f"{found['platform']}, {cores['logical']} cores"),
        ("memory", f"{memory['free_gb']} of {memory['total_gb']} GB free"),
        ("packages", _each({k: v or "not installed" for k, v in found["packages"].items()})),
        ("backends", _each({k: _ability(v) for k, v in found["backends"].items()})),
        ("threads", _each(found["threads"])),
        ("MARSLAB_HOME", f"{found['home']}, {found['home_free_gb']} GB free"),
        ("schemas", _each(found["schemas"])),
        ("chromium", found["chromium"] or "not found: the dashboard tests will skip"),
        (
            "extras",
            _each(
                {
                    k: "missing " + ", ".join(v) if v else "complete"
                    for k, v in found["extras"].items()
                }
            ),
        ),
        ("ports", _each(found["ports"])),
    ]


def _each(lines: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


def _ability(backend: dict[str, Any]) -> str:
    if not backend["ok"]:
        return f"no, {backend['reason']}"
    place = "any device" if backend["device"] == "any" else backend["device"]
    return f"yes, on {place} {backend['reason']}".rstrip()


def chromium() -> str | None:
    """Return the path of a Chromium or Chrome, or None."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def extras() -> dict[str, list[str]]:
    """Return, for each extra of marslab, the requirements that this environment does not meet.

    >>> "gpu" in extras()
    True
    """
    found: dict[str, list[str]] = {
        name: [] for name in metadata("marslab").get_all("Provides-Extra") or []
    }
    for requirement in map(Requirement, requires("marslab") or []):
        for name, missing in found.items():
            if _asked_by(requirement, name) and not _met(requirement):
                missing.append(f"{requirement.name}{requirement.specifier}")
    return found


def _asked_by(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return (
        marker is not None
        and marker.evaluate({"extra": extra})
        and not marker.evaluate({"extra": ""})
    )


def _met(requirement: Requirement) -> bool:
    have = _version(requirement.name)
    return have is not None and requirement.specifier.contains(have, prereleases=True)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _hardware() -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    return {
        "cores": {"logical": psutil.cpu_count(), "physical": psutil.cpu_count(logical=False)},
        "memory": {
            "total_gb": round(memory.total / 1e9, 1),
            "free_gb": round(memory.available / 1e9, 1),
        },
    }


def _backends() -> dict[str, dict[str, Any]]:
    from marslab.kernels import available

    return {name: backend._asdict() for name, backend in available().items()}


def _threads() -> dict[str, Any]:
    import torch

    told: dict[str, Any] = {"torch": torch.get_num_threads()}
    if _version("numba"):
        import numba

        from marslab.kernels.threads import LAYER

        told |= {"numba": numba.get_num_threads(), "numba_layer": LAYER}
    return told


def _home() -> dict[str, Any]:
    from marslab.home import VERSIONS, home

    folder = home()
    return {
        "home": str(folder),
        "home_free_gb": round(shutil.disk_usage(folder).free / 1e9, 1),
        "schemas": dict(VERSIONS),
    }


def _port(number: int) -> str:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
        except OSError:
            return f"{number} is in use, the next free one will be taken"
    return f"{number} is free"
