"""A real JupyterLab and a real Chromium: a server for the whole run, a fresh notebook and kernel for each test."""

import base64
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCREENSHOTS = HERE / "screenshots"
AXE = ROOT / "js" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ASK = """async code => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const asked = kernel.requestExecute({code, store_history: false});
  let out = '';
  asked.onIOPub = m => { if (m.header.msg_type === 'stream') out += m.content.text;
                         if (m.header.msg_type === 'error') out += m.content.traceback.join('\\n'); };
  await asked.done;
  return out;
}"""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--force-color-profile=srgb",
            "--font-render-hinting=none",
        ],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "viewport": {"width": 1280, "height": 1100}}


@dataclass(frozen=True)
class Lab:
    base: str
    root: Path
    page: str = "/doc/tree/{}?reset"  # JupyterLab's single-document mode


HOSTS = {
    "jupyterlab": (["jupyterlab", "--LabApp.expose_app_in_browser=True", "--LabApp.news_url="], "/doc/tree/{}?reset"),
    "notebook": (["notebook", "--JupyterNotebookApp.expose_app_in_browser=True"], "/notebooks/{}"),
}


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    with served("jupyterlab", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def notebook7(tmp_path_factory):
    with served("notebook", tmp_path_factory.mktemp("notebook")) as server:
        yield server


@contextmanager
def served(host, home):
    """A server of the host that has nothing to do with the user's own settings."""
    root = home / "root"
    root.mkdir()
    port = free_port()
    own = {
        name: str(home / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "JUPYTER_RUNTIME_DIR",
            "IPYTHONDIR",
        )
    }
    news = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    (module, *options), page = HOSTS[host]
    command = [
        sys.executable,
        "-m",
        module,
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
        f"--ServerApp.root_dir={root}",
        *options,
    ]
    base = f"http://127.0.0.1:{port}"
    with running(command, home / "log.txt", f"{base}/api", env=own, cwd=root):
        yield Lab(base, root, page)


@contextmanager
def running(command, log, address, *, env=None, cwd=None):
    """A server, from its first answer at the address to the end of the block."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    with log.open("w") as out:
        server = subprocess.Popen(
            command,
            env={**os.environ, **(env or {}), "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            stdout=out,
            stderr=out,
            cwd=cwd,
        )
        try:
            answered(address, server, log)
            yield server
        finally:
            server.terminate()
            server.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answered(address: str, server: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    """Wait until the server answers. Errors: RuntimeError, with the end of its log."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it refuses, so it is there
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-3000:]}")


class Notebook:
    """One open notebook: its page, its cells, and its kernel."""

    def __init__(self, lab: Lab, page, name: str) -> None:
        self.lab, self.page, self.name = lab, page, name
        self.console: list[str] = []
        page.on("console", lambda message: self.console.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.console.append(str(error)))

    def open(self, *cells: str, run: bool = True) -> "Notebook":
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, self.lab.root / self.name)
        return self.visit(run=run)

    def visit(self, *, run: bool = False) -> "Notebook":
        """The notebook as it lies on disk."""
        self.page.goto(self.lab.base + self.lab.page.format(self.name))
        self.page.wait_for_function("() => window.jupyterapp?.restored")
        self.page.evaluate("() => jupyterapp.restored")
        self.idle()
        if run:
            self.command("notebook:run-all-cells")
        return self

    def visit_untrusted_copy(self) -> "Notebook":
        """A copy of the notebook as it was saved, such as somebody else might have sent: no kernel knows its widgets."""
        book = json.loads((self.lab.root / self.name).read_text())
        book["metadata"]["sent_by"] = "somebody else"
        self.name = f"copy_of_{self.name}"
        (self.lab.root / self.name).write_text(json.dumps(book))
        return self.visit()

    def idle(self) -> None:
        self.page.wait_for_function(
            """() => { const k = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
                                               return k?.connectionStatus === 'connected' && k.status === 'idle'; }""",
            timeout=60_000,
        )

    def command(self, name: str, **arguments) -> None:
        self.page.evaluate("([name, arguments]) => void jupyterapp.commands.execute(name, arguments)", [name, arguments])

    def ask(self, code: str) -> str:
        """What the code prints in the kernel."""
        return self.page.evaluate(ASK, code).strip()

    def value(self, expression: str):
        """An expression of the kernel, through JSON."""
        came = self.ask(f"import json as _json; print(_json.dumps({expression}))")
        try:
            return json.loads(came)
        except json.JSONDecodeError:
            raise AssertionError(f"{expression} gave:\n{came}") from None


@pytest.fixture
def notebook(request, page):
    """An unopened notebook of this test, in JupyterLab or in the host of the test's `host` mark; its kernel ends with it."""
    mark = request.node.get_closest_marker("host")
    lab = request.getfixturevalue(mark.args[0] if mark else "lab")
    page.set_default_timeout(30_000)
    yield Notebook(lab, page, f"{request.node.name.translate(str.maketrans('[]/- ', '_____'))}.ipynb")
    page.close()
    close_kernels(lab)


def close_kernels(lab: Lab) -> None:
    with urllib.request.urlopen(f"{lab.base}/api/sessions", timeout=10) as answer:
        sessions = json.load(answer)
    for session in sessions:
        urllib.request.urlopen(
            urllib.request.Request(f"{lab.base}/api/sessions/{session['id']}", method="DELETE"), timeout=20
        ).close()


def canvas_pixels(page, selector: str) -> np.ndarray:
    """The canvas as the browser holds it, (height, width, 4) bytes."""
    url = page.eval_on_selector(selector, "canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGBA"))
