"""Start JupyterLab on the work copy, find one that runs already, and end it cleanly.

The server listens on 127.0.0.1 only and keeps its token. Its settings come from the package and
its state goes to MARSLAB_HOME, so that a user's own Jupyter neither changes it nor is changed.
"""

import os
import platform
import secrets
import signal
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files as resources
from pathlib import Path

from marslab import home
from marslab.errors import UserError
from marslab.lab import instances, workcopy
from marslab.lab.engine import encryption
from marslab.lab.instances import Instance
from marslab.lab.ports import free_port

START = "00_start"
PATIENCE = 90.0


class StartError(Exception):
    """The server ended, or did not answer in time; the message says what it wrote last."""


def open_lab(
    *,
    work: Path | None,
    port: int,
    browser: bool,
    check: bool,
    notebook: str = START,
    root: Path | None = None,
) -> int:
    """Open JupyterLab on the work copy and stay until it ends; return the exit code.

    A lab that runs on the same work copy is opened again instead of a second one. With `check` a
    lab is started, its start notebook runs in a kernel, and everything ends.

    Errors:
        UserError: the work copy cannot be made, the notebook is not there, or no port is free
    """
    if check:
        from marslab.lab.lab_check import check_lab

        return check_lab(work=work, port=port, root=root)
    update = workcopy.update(work, root=root)
    for sentence in update.sentences():
        print(sentence, file=sys.stderr)
    page = _page(update.folder, notebook)
    running = instances.find(update.folder)
    if running is not None:
        print(f"a lab runs on {update.folder} already", file=sys.stderr)
        _show(running, page, browser)
        return 0
    return _serve(update.folder, port, page, browser)


def _serve(folder: Path, port: int, page: str, browser: bool) -> int:
    state = instances.state_file(folder)
    print(f"starting JupyterLab on {folder}", file=sys.stderr)
    try:
        with serving(folder, port, state.with_suffix(".log")) as (instance, process):
            instances.keep(folder, instance)
            _show(instance, page, browser)
            print("Ctrl-C ends the lab", file=sys.stderr)
            return 0 if process.wait() == 0 else 1
    except StartError as error:
        print(f"marslab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("the lab has ended", file=sys.stderr)
        return 130
    finally:
        state.unlink(missing_ok=True)


@contextmanager
def serving(folder: Path, port: int, log: Path) -> Iterator[tuple[Instance, subprocess.Popen]]:
    """A JupyterLab that answers, for the length of the block; then it and its kernels end.

    Errors:
        StartError: it does not start
    """
    port, token = free_port(port), secrets.token_hex(24)
    environment = os.environ | _environment(port, token)
    log.parent.mkdir(parents=True, exist_ok=True)
    with _ended_by_signals(), open(log, "wb") as output:
        process = subprocess.Popen(
            _command(folder, port),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,  # Ctrl-C reaches us, and we end the server
        )
        try:
            instance = Instance(process.pid, port, token)
            _wait(instance, process, log)
            yield instance, process
        finally:
            stop(process)


def stop(process: subprocess.Popen) -> None:
    """End a server and whatever it started, gently first."""
    import psutil

    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in psutil.wait_procs(children, timeout=5)[1]:
        child.kill()


def has_display() -> bool:
    """Whether a browser could open a window here."""
    if sys.platform in ("darwin", "win32") or "microsoft" in platform.release().lower():
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show(instance: Instance, page: str, browser: bool) -> None:
    print(f"lab         {instance.url(page)}")
    print(f"dashboards  {instance.url('marslab/dashboards')}", flush=True)
    if browser and has_display():
        webbrowser.open(instance.url(page))


def _page(folder: Path, notebook: str) -> str:
    name = f"{notebook}.ipynb"
    if not (folder / name).is_file():
        raise UserError(f"{folder} has no {name}: bring it back with `marslab nb reset {notebook}`")
    return f"lab/tree/{name}"


def _command(folder: Path, port: int) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": folder,
    }
    options |= {f"KernelManager.{name}": value for name, value in encryption().items()}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options["ServerApp.allow_root"] = True
    told = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-P", "-m", "jupyterlab", *told]


def _environment(port: int, token: str) -> dict[str, str]:
    return {
        "JUPYTER_TOKEN": token,  # not among the arguments, which every user of the machine sees
        "JUPYTER_CONFIG_DIR": str(home.home() / "jupyter"),
        "JUPYTER_CONFIG_PATH": str(resources("marslab.lab") / "jupyter"),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel is this Python, not one of another year
        "PANEL_INLINE": "True",  # Panel is blank offline without it
        "MARSLAB_DASHBOARDS": f"http://127.0.0.1:{port}/marslab/dashboards",
    }


def _wait(instance: Instance, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise StartError(f"JupyterLab ended at once: {_last_words(log)} (more in {log})")
        if instance.answers():
            return
        time.sleep(0.2)
    raise StartError(f"JupyterLab did not answer within {PATIENCE:g} s: see {log}")


def _last_words(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A closed terminal and a `kill` end the server too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    for number in before:
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
