"""Real keys and real signatures over plans, made by the machine's own ssh-keygen."""

import subprocess


class Signer:
    """A person with an SSH key of their own."""

    def __init__(self, folder, *names, kind="ed25519"):
        self.names = names
        self.key = folder / f"key-{names[0]}"
        keygen("-q", "-t", kind, "-N", "", "-C", "", "-f", self.key)
        self.public = self.key.with_suffix(f"{self.key.suffix}.pub").read_text(encoding="ascii").strip()

    def line(self, *options):
        """The person's line of a file of signers."""
        return " ".join([",".join(self.names), *options, self.public]) + "\n"

    def sign(self, plan, namespace="campaign-orchestrator", key=None):
        """A signature over the bytes; by another `key`, such as a certificate of this one."""
        return keygen("-Y", "sign", "-q", "-f", key or self.key, "-n", namespace, given=plan)


def keygen(*words, given=b""):
    """What ssh-keygen prints."""
    return subprocess.run(["ssh-keygen", *map(str, words)], input=given, capture_output=True, check=True).stdout  # noqa: S607
