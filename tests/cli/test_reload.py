"""`beats reload`; what it does to a run is in tests/system."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest

from tests.support import called

MORE = "More: beats docs settings#change-settings-while-the-stream-runs\n"


@pytest.mark.parametrize(
    ("answer", "code", "out", "err"),
    [
        ({"changed": ["sink 'a' added"], "failed": {}}, 0, "sink 'a' added\n", ""),
        ({"changed": [], "failed": {}}, 0, "nothing changed\n", ""),
        (
            {"changed": ["x"], "failed": {"y": "no room"}},
            1,
            "x\n",
            f"y: failed, and the previous settings stay in effect: no room\n{MORE}",
        ),
        ({"refused": "a.toml:3: kernel.max: no"}, 78, "", f"a.toml:3: kernel.max: no\n{MORE}"),
        ({"error": "it broke"}, 1, "", f"it broke\n{MORE}"),
    ],
)
def test_the_answer_becomes_lines_and_an_exit_code(
    tmp_path: Path, answer: dict[str, object], code: int, out: str, err: str
) -> None:
    """What was done on standard output, what was not on standard error."""
    folder = tmp_path / "beats"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / f"{os.getpid()}.sock"))
        listener.listen()
        asked: list[bytes] = []

        def serve() -> None:
            while not asked:
                connection, _ = listener.accept()
                with connection:
                    if line := connection.recv(4096):
                        asked.append(line)
                        connection.sendall(json.dumps(answer).encode() + b"\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert called("reload", cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) == (code, out, err)
        thread.join(20)
    assert json.loads(asked[0]) == {"command": "reload"}
