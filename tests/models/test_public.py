"""Published checkpoints: fetched with hash, licence and resuming from a server of our own; one sentence where there is none."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError, NameLookupError
from ganwidgets.models import public
from ganwidgets.models.formats import formats
from ganwidgets.models.progan_net import ProGANNet
from ganwidgets.models.public import BLOCK, PUBLIC, Public, fetched, single

FACTS = {"licence": "MIT", "free": True, "source": "a test"}


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    torch.save({"state_dict": ProGANNet((32, 32, 32, 32), latent=16).state_dict()}, tmp_path / "small.pth")
    return (tmp_path / "small.pth").read_bytes()


@pytest.fixture
def server(checkpoint):
    """Answers like a server of files; `asked` records the paths and ranges, `cut` ends the next answer after so many bytes."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            wanted = self.headers.get("Range")
            held.asked.append((self.path, wanted))
            body = {"/small.pth": checkpoint, "/other.pth": b"{}", "/page.pth": b"<html>moved</html>"}.get(self.path)
            if body is None:
                self.send_error(404)
                return
            start = int(wanted.split("=")[1].rstrip("-")) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("content-length", str(len(body) - start))
            self.end_headers()
            end, held.cut = start + held.cut if held.cut else None, 0
            self.wfile.write(body[start:end])

        def log_message(self, *_):
            pass

    held = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.asked, held.cut = [], 0
    held.place = f"http://127.0.0.1:{held.server_port}/"
    threading.Thread(target=held.serve_forever, daemon=True).start()
    yield held
    held.shutdown()
    held.server_close()


def one(server, **facts):
    return single("small", "a small net", "progan", "small.pth", (server.place,), **(FACTS | facts))


def test_it_is_fetched_once_checked_and_opened(server, checkpoint, tmp_path, monkeypatch, capsys):
    digits = hashlib.sha256(checkpoint).hexdigest()[:8]
    monkeypatch.setattr(public, "PUBLIC", (one(server, sha256=digits, megabytes=1),))
    monkeypatch.setenv("GANWIDGETS_CACHE", str(tmp_path / "cache"))
    g = gw.load("small", device="cpu")
    assert g.name == "small" and g.loaded.verified and "verified=True" in repr(g) and g.source == "gw.load('small')"
    said = capsys.readouterr().err
    assert "MIT" in said and "a test" in said and "about 1 MB" in said
    again = gw.load("small", device="cpu")
    assert len(server.asked) == 1 and torch.equal(again.images(again.sample([1])), g.images(g.sample([1])))
    assert "small" in gw.available() and "MIT" not in capsys.readouterr().err


def test_without_a_known_hash_it_says_so(server, tmp_path, monkeypatch):
    monkeypatch.setattr(public, "PUBLIC", (one(server),))
    monkeypatch.setenv("GANWIDGETS_CACHE", str(tmp_path / "cache"))
    assert "verified=False" in repr(gw.load("small", device="cpu"))


def test_what_broke_off_is_gone_on_with(server, checkpoint, tmp_path):
    server.cut = 100_000
    with pytest.raises(CheckpointError, match="small is not on this computer"):
        fetched(one(server), folder=tmp_path / "cache")
    path = fetched(one(server), folder=tmp_path / "cache")
    assert path.read_bytes() == checkpoint
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={100_000 // BLOCK * BLOCK}-"]


def test_the_next_place_is_asked_where_the_first_has_it_not(server, checkpoint, tmp_path):
    entry = single("small", "a small net", "progan", "small.pth", (server.place + "nowhere/", server.place), **FACTS)
    assert fetched(entry, folder=tmp_path).read_bytes() == checkpoint
    assert [path for path, _ in server.asked] == ["/nowhere/small.pth", "/small.pth"]


def test_a_licence_that_is_not_open_is_asked_for_before_anything_is_fetched(server, tmp_path, capsys):
    entry = one(server, free=False, licence="for research alone")
    with pytest.raises(CheckpointError, match=r"for research alone.*accept_license=True"):
        fetched(entry, folder=tmp_path)
    assert not server.asked and "for research alone" in capsys.readouterr().err
    fetched(entry, folder=tmp_path, accept_license=True)
    assert len(server.asked) == 1


def test_another_file_and_a_page_are_refused_and_not_kept(server, checkpoint, tmp_path, monkeypatch):
    for _ in range(2):
        with pytest.raises(CheckpointError, match="not the file that was meant.*try again"):
            fetched(one(server, sha256="00000000"), folder=tmp_path)
    assert len(server.asked) == 2, "what is wrong is not kept"
    (tmp_path / "small" / "small.pth").write_bytes(b"one's own")
    with pytest.raises(CheckpointError, match="Take .*small.pth away"):
        fetched(one(server, sha256="00000000"), folder=tmp_path)
    assert (tmp_path / "small" / "small.pth").read_bytes() == b"one's own"
    monkeypatch.setattr(public, "PUBLIC", (single("page", "a page", "progan", "page.pth", (server.place,), **FACTS),))
    monkeypatch.setenv("GANWIDGETS_CACHE", str(tmp_path / "cache"))
    for _ in range(2):
        with pytest.raises(CheckpointError, match="page.pth is a web page.*put page.pth into"):
            gw.load("page", device="cpu")
    assert len(server.asked) == 4
    places = (server.place + "page.pth", server.place + "small.pth")
    entry = Public("small", "a small net", "progan", {"small.pth": places}, **FACTS)
    assert fetched(entry, folder=tmp_path / "other").read_bytes() == checkpoint, "the next place is asked"


def test_with_no_network_one_sentence_says_what_to_do(tmp_path):
    entry = single("small", "a small net", "progan", "small.pth", ("http://127.0.0.1:9/",), **FACTS)
    with pytest.raises(CheckpointError) as error:
        fetched(entry, folder=tmp_path)
    assert "put small.pth into" in str(error.value) and str(error.value).count(". ") == 0


def test_a_folder_of_files_is_one_checkpoint(server, checkpoint, tmp_path):
    entry = Public("both", "two files", "biggan", {"a": (server.place + "small.pth",), "b": (server.place + "other.pth",)}, **FACTS)
    folder = fetched(entry, folder=tmp_path)
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".part") == ["a", "b"]


def test_the_list_is_sound():
    names = [entry.name for entry in PUBLIC]
    assert len(set(names)) == len(names) >= 30 and gw.available()[0] == "storybook"
    for entry in PUBLIC:
        assert all(url.startswith("http") and places for places in entry.files.values() for url in places)
        assert entry.licence and entry.source
        assert entry.free or any(word in entry.licence for word in ("Nvidia", "NC", "Stability", "none is stated"))
        assert not entry.sha256 or entry.sha256 in next(iter(entry.files))
    assert {"progan", "stylegan2"} <= {entry.kind for entry in PUBLIC} and "progan" in formats()
    with pytest.raises(NameLookupError, match="progan-kitchen"):
        gw.load("progan-kitchn")
