"""outrider client-config: files that the mail programs' own formats accept, written where they look for them."""

import json
import plistlib
import subprocess
import uuid
import xml.etree.ElementTree as ElementTree

import pytest

from lab.daemons import program_path

OUTER = "{http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006}"
INNER = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
NAME = "Post & <Söhne> \"'"


@pytest.fixture
def client_config(build):
    def run(*arguments):
        command = [program_path(str(build), "outrider"), "client-config", *arguments]
        return subprocess.run(command, capture_output=True, timeout=60, text=True)

    return run


@pytest.fixture
def root(client_config, tmp_path):
    directory = tmp_path / "new" / "web"
    result = client_config("Example.TEST", "--host=mx.example.test", f"--name={NAME}", f"--directory={directory}")
    assert result.returncode == 0, result.stderr
    files = sorted(str(path) for path in directory.rglob("*") if path.is_file())
    assert sorted(result.stdout.splitlines()) == files
    return directory


def test_autoconfig_is_at_both_places_and_names_both_servers(root):
    text = (root / ".well-known/autoconfig/mail/config-v1.1.xml").read_bytes()
    assert (root / "mail/config-v1.1.xml").read_bytes() == text
    tree = ElementTree.fromstring(text)
    assert (tree.tag, tree.get("version")) == ("clientConfig", "1.1")
    provider = tree.find("emailProvider")
    assert provider.get("id") == provider.findtext("domain") == "example.test"
    assert provider.findtext("displayName") == NAME
    for kind, port in (("incomingServer[@type='imap']", "993"), ("outgoingServer[@type='smtp']", "465")):
        server = {item.tag: item.text for item in provider.find(kind)}
        assert server == {
            "hostname": "mx.example.test",
            "port": port,
            "socketType": "SSL",
            "authentication": "password-cleartext",
            "username": "%EMAILADDRESS%",
        }


def test_autodiscover_has_the_two_name_spaces_and_both_protocols(root):
    tree = ElementTree.parse(root / "autodiscover/autodiscover.xml").getroot()
    assert tree.tag == OUTER + "Autodiscover"
    account = tree.find(f"{INNER}Response/{INNER}Account")
    assert account.findtext(INNER + "Action") == "settings"
    servers = [
        tuple(protocol.findtext(INNER + word) for word in ("Type", "Server", "Port"))
        for protocol in account.findall(INNER + "Protocol")
    ]
    assert servers == [("IMAP", "mx.example.test", "993"), ("SMTP", "mx.example.test", "465")]


def test_mobileconfig_is_a_property_list_with_one_mail_account(root):
    profile = plistlib.loads((root / "example.test.mobileconfig").read_bytes())
    (mail,) = profile["PayloadContent"]
    assert profile["PayloadType"] == "Configuration"
    assert mail["PayloadType"] == "com.apple.mail.managed"
    assert mail["EmailAccountDescription"] == NAME
    for way, port in (("Incoming", 993), ("Outgoing", 465)):
        assert mail[way + "MailServerHostName"] == "mx.example.test"
        assert mail[way + "MailServerPortNumber"] == port
        assert mail[way + "MailServerUseSSL"] is True
    identifiers = {uuid.UUID(profile["PayloadUUID"]), uuid.UUID(mail["PayloadUUID"])}
    assert len(identifiers) == 2
    assert all(one.version == 8 and one.variant == uuid.RFC_4122 for one in identifiers)


def test_files_are_for_the_web_server_and_written_anew(root, client_config):
    paths = [path for path in root.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o644}
    result = client_config("example.test", "--json", f"--directory={root}")
    assert len(json.loads(result.stdout)["files"]) == 4
    assert sorted(paths) == sorted(path for path in root.rglob("*") if path.is_file())
    assert b"mail.example.test" in (root / "mail/config-v1.1.xml").read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [["../x"], ["a/b"], [""], ["a..b"], ["<x>"], ["a.test", "--host=a b"], ["a.test", "--name=a\nb"], ["a.test", "--name="]],
)
def test_names_that_are_none_write_nothing(client_config, tmp_path, arguments):
    result = client_config(*arguments, f"--directory={tmp_path}/web")
    assert result.returncode == 2
    assert result.stderr.startswith("outrider: ")
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made_is_named(client_config, tmp_path):
    (tmp_path / "file").write_text("")
    result = client_config("a.test", f"--directory={tmp_path}/file")
    assert result.returncode == 78
    assert f"{tmp_path}/file" in result.stderr
