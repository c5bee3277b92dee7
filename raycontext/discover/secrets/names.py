"""Names of files that hold keys, tokens or passwords, as the programs document them that read these files."""

from __future__ import annotations

from pathlib import PurePosixPath

__all__ = ["has_secret_name"]

_NAMES = frozenset(
    {
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk"),
        *(".netrc", "_netrc", ".authinfo", ".pgpass", ".my.cnf", ".mylogin.cnf", ".htpasswd", ".git-credentials"),
        *(".npmrc", ".pypirc", ".dockercfg", ".dockerconfigjson", "kubeconfig", ".databrickscfg", ".s3cfg", ".boto"),
        *("credentials.json", "client_secret.json", "service-account.json", "service_account.json"),
        *("credentials.tfrc.json", ".terraformrc", "terraform.tfstate", "terraform.tfstate.backup"),
        *(".vault-token", ".vault-password", ".vault_pass", "master.key", "rclone.conf", ".envrc", ".secrets"),
        *("secrets.yml", "secrets.yaml", "secrets.json", "secrets.toml", "secrets.env", "secrets.tfvars"),
    }
)
_KEY_SUFFIXES = frozenset((".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk", ".kdbx", ".p8"))
_NAMES_IN_FOLDERS = frozenset(
    {
        ("credentials", ".aws"),
        ("config.json", ".docker"),
        ("application_default_credentials.json", "gcloud"),
        ("credentials", ".cargo"),
        ("credentials.toml", ".cargo"),
        ("credentials", ".gem"),
        ("hosts.yml", "gh"),
        ("config", ".kube"),
        ("passwd", ".vnc"),
    }
)
"""Pairs of a file name and the name of the folder in which that file holds secrets."""

_SAMPLE_WORDS = frozenset(
    ("example", "sample", "template", "dist", "default", "defaults", "test", "tests", "schema", "tmpl", "demo", "ci")
)
"""Words in names such as `.env.example` and `example.env`, which only show how an environment is written."""
_CODE_ENDINGS = frozenset(("md", "py", "js", "ts", "d", "go", "rs", "rb", "html"))
"""Endings that make of `.env.` the beginning of another name."""


def has_secret_name(path: str, data: bytes) -> bool:
    """Return whether a file holds secrets by its name, or by its name and folder.

    data: content of the file. A file of keys with nothing but certificates and public keys is no secret.
    """
    place = PurePosixPath(path)
    name = place.name.lower()
    if _is_environment(name) or name in _NAMES or (name, place.parent.name) in _NAMES_IN_FOLDERS:
        return True
    return place.suffix.lower() in _KEY_SUFFIXES and not (b"-----BEGIN " in data and b"PRIVATE KEY" not in data)


def _is_environment(name: str) -> bool:
    """Return whether a file has the settings of an environment: `.env`, `.env.local`, `production.env`."""
    stem, _, rest = name.partition(".env")
    if not name.startswith(".env") and not name.endswith(".env"):
        return False
    if name != ".env" and not name.startswith(".env.") and not name.endswith(".env"):
        return False
    words = {word for part in (stem, rest) for word in part.replace("-", ".").replace("_", ".").split(".")}
    return words.isdisjoint(_SAMPLE_WORDS) and words.isdisjoint(_CODE_ENDINGS)
