"""An S3 server for tests: moto in a process of its own, so that it can be stopped and started like a real one."""

import itertools
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

SECONDS = 30  # for the server to start


class S3Server:
    """Serves on 127.0.0.1, always on the same port; what it holds is lost when it stops.

    Attributes:
        environment: what its clients need.
    """

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "S3_ENDPOINT": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
        }
        self._process, self._numbers = None, itertools.count(1)

    def start(self) -> None:
        """Start it where it does not run."""
        if self._process is not None:
            return
        line = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + SECONDS
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                self.stop()
                raise RuntimeError(f"{' '.join(line)} does not answer")
            time.sleep(0.1)

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def new_bucket(self, name: str | None = None) -> str:
        """Make a bucket."""
        name = name or f"bucket-{next(self._numbers)}"
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT")).close()
        return name

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/moto-api/").close()
        except (urllib.error.URLError, ConnectionError):
            return False
        return True
