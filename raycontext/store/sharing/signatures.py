"""Signatures of publications, made and checked by `ssh-keygen -Y` of OpenSSH 8.1 or newer, as git does it.

A key is one that the user has for SSH. Who may sign stands in a file of allowed signers, see ssh-keygen(1).
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from raycontext.errors import InvalidInput, PublicationRefused
from raycontext.text.safe import safe

__all__ = ["MOST_SIGNATURE_BYTES", "sign", "signer_of"]

NAMESPACE = "raycontext"
"""What the signatures are for: one for git or for mail does not count here."""
MOST_SIGNATURE_BYTES = 64 << 10
"""Largest size of a signature in bytes. Those of RSA with 4096 bits have 1.6 kB."""
SECONDS = 120.0
"""Longest time in seconds that the program may take; a user may have to touch a token."""


def sign(data: bytes, key: Path) -> bytes:
    """Return the signature of `data` by the private key in a file, or by the agent for a public one.

    Raises `InvalidInput` where the key cannot be used.
    """
    if not key.is_file():
        raise InvalidInput(f"The key {key} is not a file", "Give the file of an SSH key: --key ~/.ssh/id_ed25519")
    made = _run("sign", "-n", NAMESPACE, "-f", str(key), data=data)
    if made.returncode or not made.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise InvalidInput(
            f"ssh-keygen did not sign with the key {key}: {_said(made)}",
            "Give the file of an SSH key that you can use, or its .pub while an agent holds it.",
        )
    return made.stdout


def signer_of(data: bytes, signature: bytes, signers: Path, place: str) -> str:
    """Return who has signed `data`, as the file of allowed signers calls them. `place` names the data in errors.

    Raises `PublicationRefused` where nobody of them has, `InvalidInput` where ssh-keygen is not there.
    """
    advice = f"Nothing of it was used. Ask who published it, or add their key to {signers}."
    with tempfile.TemporaryDirectory(prefix="raycontext-") as folder:
        file = Path(folder, "signature")
        file.write_bytes(signature)
        found = _run("find-principals", "-f", str(signers), "-s", str(file))
        names = found.stdout.decode(errors="replace").splitlines()
        if found.returncode or not names:
            raise PublicationRefused(f"{place} is not signed by anyone in {signers}: {_said(found)}", advice)
        told = "-f", str(signers), "-I", names[0], "-n", NAMESPACE, "-s", str(file)
        verified = _run("verify", *told, data=data)
        if verified.returncode:
            raise PublicationRefused(f"The signature of {place} does not hold: {_said(verified)}", advice)
    return safe(names[0])


def _run(action: str, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen with `data` as its input. Raises `InvalidInput` where it is not there or does not end."""
    command = ["ssh-keygen", "-Y", action, *arguments]
    try:
        return subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise InvalidInput(
            "ssh-keygen is not installed", "Install OpenSSH 8.1 or newer, or leave signatures out."
        ) from None
    except subprocess.TimeoutExpired:
        raise InvalidInput(
            f"ssh-keygen did not end within {SECONDS:g} s", "Unlock the key, or give another one."
        ) from None


def _said(run: subprocess.CompletedProcess[bytes]) -> str:
    """Return the last line that the program has printed."""
    lines = [line for line in (run.stderr or run.stdout).decode(errors="replace").splitlines() if line.strip()]
    return safe(lines[-1][:200]).rstrip(".") if lines else f"it ended with {run.returncode}"
