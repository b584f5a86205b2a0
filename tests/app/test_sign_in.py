from __future__ import annotations

from pathlib import Path

import pytest

from app import serving
from app.sign_in import VARIABLE, SignIn, configured, load
from data.errors import CorruptData, InvalidInput
from data.workspace import SIGN_IN_FILE

FILE = """
[auth]
redirect_uri = "https://goalpost.example/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "goalpost"
client_secret = "from the provider"
server_metadata_url = "https://login.example/.well-known/openid-configuration"

[roles]
manage = ["Ana@lab.example"]
label = ["@lab.example"]
look = ["guest@elsewhere.example"]
"""


def _write(folder: Path, text: str = FILE, mode: int = 0o600) -> Path:
    path = folder / SIGN_IN_FILE
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_highest_role_counts_and_strangers_have_none(tmp_path: Path) -> None:
    found = load(_write(tmp_path))
    roles = {
        "ana@lab.example": "manage",
        "ANA@LAB.EXAMPLE": "manage",
        "bo@lab.example": "label",
        "bo@lab.example.evil.example": None,
        "bo@otherlab.example": None,
        "guest@elsewhere.example": "look",
        "other@elsewhere.example": None,
        "": None,
    }
    assert {email: found.role_of(email) for email in roles} == roles
    assert (found.host, found.origin) == ("goalpost.example", "https://goalpost.example")


def test_everybody_who_signed_in_may_be_named_by_a_star(tmp_path: Path) -> None:
    found = load(_write(tmp_path, FILE.replace('"guest@elsewhere.example"', '"*"')))
    assert found.role_of("anyone@anywhere.example") == "look"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[auth]", "[auth", "cannot be read"),
        ('client_id = "goalpost"', "", "client_id"),
        ("client_id", "clientid", "clientid"),
        ("manage =", "admin =", "admin"),
        ('label = ["@lab.example"]', 'label = "@lab.example"', "roles"),
        ("0123456789abcdef0123", "0123", "fewer than 32"),
        ("/oauth2callback", "/", "/oauth2callback"),
        ("https://goalpost", "ftp://goalpost", "/oauth2callback"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_in_words(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in FILE
    with pytest.raises(InvalidInput, match=words):
        load(_write(tmp_path, FILE.replace(old, new)))


def test_roles_for_nobody_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nobody a role"):
        load(_write(tmp_path, FILE[: FILE.index("[roles]")] + "[roles]\nlook = []\n"))


def test_secrets_that_others_may_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="chmod 600"):
        load(_write(tmp_path, mode=0o640))


def test_a_server_that_signs_people_in_never_falls_back_to_letting_everybody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configured() is None
    path = _write(tmp_path)
    monkeypatch.setenv(VARIABLE, str(path))
    known = configured()
    assert known is not None
    assert known.role_of("bo@lab.example") == "label"
    # Roles that change count at once.
    path.write_text(FILE.replace('label = ["@lab.example"]', ""))
    changed = configured()
    assert changed is not None
    assert changed.role_of("bo@lab.example") is None
    path.unlink()
    with pytest.raises(CorruptData, match="nobody may do anything"):
        configured()


def _load(tmp_path: Path, text: str = FILE) -> tuple[SignIn, Path]:
    path = _write(tmp_path, text)
    return load(path), path


def test_others_are_served_only_where_they_sign_in_unheard(tmp_path: Path) -> None:
    found, path = _load(tmp_path)
    serving._check_who_reaches("0.0.0.0", found, path)
    serving._check_who_reaches("127.0.0.1", None, path)
    with pytest.raises(InvalidInput, match="cannot tell who they are") as refused:
        serving._check_who_reaches("0.0.0.0", None, path)
    assert str(path) in str(refused.value)
    plain, path = _load(tmp_path, FILE.replace("https://goalpost", "http://goalpost"))
    with pytest.raises(InvalidInput, match="can listen"):
        serving._check_who_reaches("0.0.0.0", plain, path)


def test_the_server_answers_to_the_name_that_people_use(tmp_path: Path) -> None:
    found, path = _load(tmp_path)
    assert serving.sign_in_options(found, path) == [
        "--secrets.files", str(path), "--browser.serverAddress", "goalpost.example",
        "--server.allowedHosts", "localhost",
        "--server.allowedHosts", "127.0.0.1", "--server.allowedHosts", "goalpost.example",
    ]  # fmt: skip
