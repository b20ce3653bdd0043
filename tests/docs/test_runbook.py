import socket

from tests.docs.page import ROOT, comparable, run, steps

PAGE = ROOT / "docs" / "how-to" / "runbook.md"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def test_every_command_of_the_runbook_prints_what_the_page_shows(tmp_path):
    tmp_path.chmod(0o700)
    port, text = free_port(), PAGE.read_text(encoding="utf-8")
    printed = [one.replace(port, "8765") for one in run(text.replace("8765", port), tmp_path)]
    shown = steps(text)

    assert len(printed) == len(shown)
    for (command, expected), actual in zip(shown, printed, strict=True):
        assert comparable(actual) == comparable(expected), command


def test_the_runbook_goes_from_the_file_to_the_report():
    titles = [line[3:] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]

    assert titles == [
        "Prepare", "Rehearse", "Plan", "Approve", "Pause", "Run and watch", "Resolve", "Stop", "Report",
    ]  # fmt: skip
