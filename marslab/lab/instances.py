"""Labs that run: how to reach one, and where it is noted so that a second start finds it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from marslab import home
from marslab.files import write_text

KIND = "lab-instance"


@dataclass(frozen=True)
class Instance:
    """A lab that runs: its process, its port, the key to it."""

    pid: int
    port: int
    token: str

    def url(self, path: str) -> str:
        """Return the address of a page, with the key."""
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def answers(self) -> bool:
        """Whether a server with this key listens on the port."""
        try:
            # Straight to loopback, whatever proxy the machine is told to use.
            with build_opener(ProxyHandler({})).open(self.url("api/status"), timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False


def keep(folder: Path, instance: Instance) -> None:
    """Note the lab of a work copy, readable by its user alone: the note holds the key."""
    state_file(folder).touch(mode=0o600)
    write_text(state_file(folder), json.dumps(home.stamp(KIND) | asdict(instance)) + "\n")


def find(folder: Path) -> Instance | None:
    """Return the lab that runs on this work copy, if one does."""
    try:
        found = json.loads(state_file(folder).read_text("utf-8"))
        home.check(KIND, found, state_file(folder))
        instance = Instance(int(found["pid"]), int(found["port"]), str(found["token"]))
    except (OSError, ValueError, KeyError, TypeError):  # UserError, a ValueError, included
        return None
    return instance if instance.answers() else None


def state_file(folder: Path) -> Path:
    """Return where the lab of a work copy is noted, in MARSLAB_HOME."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    (home.home() / "lab").mkdir(exist_ok=True)
    return home.home() / "lab" / f"{name}.json"
