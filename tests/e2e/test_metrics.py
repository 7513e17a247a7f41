"""What Prometheus sees of the four daemons while mail goes through them."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import metrics_text
import pytest

from conftest import PASSWORD
from lab import mail
from lab.lab import AUTHD_CONF, LMTPD_CONF, MILTER_CONF, POLICYD_CONF
from lab.process import free_port
from lab.world import FORGER_IP, SENDER_IP

ALICE, BOB = "alice@home.test", "bob@home.test"


class Watched:
    """The ride with metrics of every daemon, and what changed since the last look."""

    def __init__(self, ride):
        self.ride = ride
        self.ports = {}
        templates = {"authd": AUTHD_CONF, "policyd": POLICYD_CONF, "milter": MILTER_CONF, "lmtpd": LMTPD_CONF}
        for daemon in ride.lab.daemons:
            self.ports[daemon.name] = free_port()
            listen = f'metrics-listen = "inet:127.0.0.1:{self.ports[daemon.name]}"'
            ride.lab.configure(daemon, templates[daemon.name], listen)
            daemon.restart()
        self.before = self.scrape()

    def scrape(self):
        return {name: metrics_text.scrape(port) for name, port in self.ports.items()}

    def look(self):
        self.before = self.scrape()

    def value(self, name, **labels):
        """The whole series' value now, from whichever daemon its name begins with."""
        return self.of(self.scrape(), name, labels)

    def change(self, name, **labels):
        return self.of(self.scrape(), name, labels) - self.of(self.before, name, labels)

    def wait_change(self, wanted, name, **labels):
        until = time.monotonic() + 60
        while self.change(name, **labels) != wanted and time.monotonic() < until:
            time.sleep(0.05)
        assert self.change(name, **labels) == wanted, (name, labels)

    @staticmethod
    def of(scraped, name, labels):
        return scraped[name.split("_")[1]][name, tuple(sorted(labels.items()))]


@pytest.fixture(scope="module")
def watched(ride):
    return Watched(ride)


def test_signed_mail_that_arrives_is_counted_by_every_daemon(watched, subject):
    watched.look()
    watched.ride.inbound(watched.ride.signed(subject), "sam@sender.test", [ALICE, BOB], SENDER_IP)
    watched.ride.read(subject)
    watched.wait_change(2, "outrider_lmtpd_deliveries_total", result="delivered")
    assert watched.change("outrider_milter_messages_total", kind="verified", action="accept") == 1
    assert watched.change("outrider_milter_dkim_results_total", result="pass") == 1
    assert watched.change("outrider_milter_arc_results_total", result="none") == 1
    assert watched.change("outrider_milter_spf_results_total", result="pass") == 1
    assert watched.change("outrider_milter_dmarc_results_total", result="pass") == 1
    assert watched.change("outrider_milter_verdict_seconds_count", kind="verified") == 1
    assert watched.change("outrider_milter_messages_total", kind="signed", action="accept") == 0
    assert watched.change("outrider_policyd_verdicts_total", action="accept") == 1
    assert watched.change("outrider_policyd_dmarc_results_total", result="pass") == 1
    assert watched.change("outrider_policyd_spf_results_total", request="message", result="pass") == 1
    assert watched.change("outrider_policyd_request_seconds_count", request="message") == 1
    assert watched.change("outrider_lmtpd_recipients_total", result="accepted") == 2
    assert watched.change("outrider_lmtpd_messages_total", result="received") == 1
    assert watched.change("outrider_lmtpd_message_bytes_total") > 400
    assert watched.change("outrider_lmtpd_delivery_seconds_count") == 2
    assert watched.change("outrider_authd_lookups_total", kind="userdb", result="found") >= 2
    assert watched.change("outrider_authd_lookups_total", kind="mailboxes", result="found") >= 1


def test_forged_mail_is_a_failure_in_the_results(watched, subject):
    watched.look()
    forged = b"Authentication-Results: mx.home.test; dkim=pass\r\n" + mail.compose("sam@sender.test", ALICE, subject)
    with pytest.raises(mail.Reply):
        watched.ride.inbound(forged, "sam@sender.test", ALICE, FORGER_IP, helo="host66.elsewhere.test")
    assert watched.change("outrider_policyd_verdicts_total", action="reject") == 1
    assert watched.change("outrider_milter_messages_total", kind="verified", action="reject") == 1
    assert watched.change("outrider_milter_dkim_results_total", result="none") == 1
    assert watched.change("outrider_milter_dmarc_results_total", result="fail") == 1
    assert watched.change("outrider_milter_forged_fields_total") == 1
    assert watched.change("outrider_policyd_spf_results_total", request="message", result="fail") == 1


def test_logins_and_signatures_of_submitted_mail(watched, subject):
    watched.look()
    with pytest.raises(mail.Reply):
        watched.ride.submit(mail.compose(ALICE, BOB, subject), ALICE, BOB, login=(ALICE, "wrong"))
    watched.ride.submit(mail.compose(ALICE, BOB, subject), ALICE, BOB)
    watched.ride.submit(mail.compose("alice@nokey.test", BOB, subject), ALICE, BOB, login=(ALICE, PASSWORD))
    assert watched.change("outrider_authd_logins_total", mechanism="PLAIN", result="wrong") == 1
    assert watched.change("outrider_authd_logins_total", mechanism="PLAIN", result="accepted") == 2
    # The client tries LOGIN where PLAIN was refused.
    assert watched.change("outrider_authd_logins_total", mechanism="LOGIN", result="wrong") == 1
    # A password that was right before is not hashed again.
    known = watched.change("outrider_authd_auth_cache_total", result="hit")
    assert known >= 1 and watched.change("outrider_authd_auth_cache_total", result="miss") == 4 - known
    assert watched.change("outrider_authd_check_seconds_count") == 4 - known
    assert watched.value("outrider_authd_checks") == 0
    assert watched.change("outrider_milter_messages_total", kind="signed", action="accept") == 1
    assert watched.change("outrider_milter_messages_total", kind="not-signed", action="accept") == 1
    assert watched.change("outrider_milter_not_signed_total", reason="no-key") == 1
    # One signature per key of the domain.
    assert watched.change("outrider_milter_signatures_total", result="made") == watched.value("outrider_milter_keys")


def test_a_broken_key_and_a_failed_reload_show(watched):
    milter, directory = watched.ride.lab.milter, os.path.join(watched.ride.lab.directory, "dkim", "broken.test")
    watched.look()
    good = watched.value("outrider_milter_keys")
    os.makedirs(directory)
    with open(os.path.join(directory, "s1.pem"), "w", encoding="ascii") as pem:
        pem.write("-----BEGIN PRIVATE KEY-----\nno key\n-----END PRIVATE KEY-----\n")
    for path in (os.path.join(directory, "s1.pem"), directory):
        shutil.chown(path, "nobody", "nogroup")
        os.chmod(path, 0o600 if path.endswith("pem") else 0o700)
    try:
        reload(watched, milter, "success")
        assert watched.value("outrider_milter_keys_broken") == 1
        assert watched.value("outrider_milter_keys") == good
        kept = milter.config
        milter.write_config(kept + "\nno-such-option = 1\n")
        reload(watched, milter, "failure")
        scraped = watched.scrape()["milter"]
        assert scraped["outrider_config_last_reload_successful", ()] == 0
        assert scraped["outrider_milter_keys_broken", ()] == 1
        milter.write_config(kept)
    finally:
        shutil.rmtree(directory)
    reload(watched, milter, "success")
    scraped = watched.scrape()["milter"]
    assert scraped["outrider_milter_keys_broken", ()] == 0
    assert scraped["outrider_config_last_reload_successful", ()] == 1
    assert abs(scraped["outrider_config_last_reload_success_timestamp_seconds", ()] - time.time()) < 60


def reload(watched, daemon, result):
    key = "outrider_reloads_total", (("result", result),)
    port = watched.ports[daemon.name]
    before = metrics_text.scrape(port)[key]
    os.kill(daemon.process.pid, signal.SIGHUP)
    until = time.monotonic() + 60
    while metrics_text.scrape(port)[key] == before and time.monotonic() < until:
        time.sleep(0.05)
    assert metrics_text.scrape(port)[key] == before + 1


def test_a_userdb_that_is_away_shows_in_lmtpd(watched, subject):
    watched.look()
    lab = watched.ride.lab
    lab.authd.stop()
    try:
        with socket.socket(socket.AF_UNIX) as lmtp:
            lmtp.settimeout(10)
            lmtp.connect(os.path.join(lab.postfix.socket_directory, "lmtp"))
            reader = lmtp.makefile("rb")
            lmtp.sendall(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@home.test>\r\nQUIT\r\n")
            assert b"451 4.3.0" in reader.read()
        lmtpd = metrics_text.scrape(watched.ports["lmtpd"])
        assert lmtpd["outrider_lmtpd_userdb_failures_total", ()] == 1
        assert lmtpd["outrider_lmtpd_recipients_total", (("result", "deferred"),)] == 1
    finally:
        lab.authd.start()


def test_the_process_and_its_connections(watched):
    for name, scraped in watched.scrape().items():
        assert scraped["outrider_build_info", (("version", "0.1.0"),)] == 1
        assert scraped["process_resident_memory_bytes", ()] > 1 << 20, name
        assert 0 < scraped["process_open_fds", ()] < scraped["process_max_fds", ()], name
        assert abs(scraped["process_start_time_seconds", ()] - time.time()) < 600, name
        assert scraped["process_cpu_seconds_total", ()] > 0, name
    path = os.path.join(watched.ride.lab.postfix.socket_directory, "lmtp")
    before = metrics_text.scrape(watched.ports["lmtpd"])
    with socket.socket(socket.AF_UNIX) as lmtp:
        lmtp.connect(path)
        assert lmtp.recv(100).startswith(b"220")
        during = metrics_text.scrape(watched.ports["lmtpd"])
    assert during["outrider_connections_total", ()] == before["outrider_connections_total", ()] + 1
    assert during["outrider_connections", ()] >= 1


def test_mail_goes_on_under_a_flood_of_requests(watched, subject):
    port = watched.ports["milter"]
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for number, client in enumerate(idle):
        client.sendall([b"GET /metr", b"\x16\x03\x01\x00\xff", b"A" * 7000, b""][number % 4])
    resident = watched.ride.lab.milter.status_bytes("VmRSS")
    watched.ride.inbound(watched.ride.signed(subject), "sam@sender.test", ALICE, SENDER_IP)
    assert watched.ride.read(subject)
    assert watched.ride.lab.milter.status_bytes("VmRSS") < resident + (16 << 20)
    for client in idle:
        client.close()
    for path, method, status in (("/", "GET", 404), ("/metrics", "POST", 405)):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        assert refused.value.code == status


def test_an_address_in_use_stops_the_start_with_its_name(watched):
    lab = watched.ride.lab
    port = watched.ports["policyd"]
    lab.lmtpd.stop()
    kept = lab.lmtpd.config
    lab.lmtpd.write_config(kept.replace(str(watched.ports["lmtpd"]), str(port)))
    try:
        done = subprocess.run([lab.lmtpd.path, "-c", lab.lmtpd.config_path], capture_output=True, text=True, timeout=20,
                              check=False)
        assert done.returncode == 78
        assert f'metrics-listen: "inet:127.0.0.1:{port}": in use' in done.stderr
    finally:
        lab.lmtpd.write_config(kept)
        lab.lmtpd.start()


@pytest.mark.parametrize("text", [
    "# HELP a A.\n# TYPE a gauge\na 1\na 2\n",
    "# HELP a A.\n# TYPE a gauge\n# HELP a A.\na 1\n",
    "# TYPE a gauge\na 1\n",
    "# HELP a A.\n# TYPE a gauge\n",
    "# HELP a A.\n# TYPE a gauge\nb 1\n",
    "# HELP a A.\n# TYPE a counter\na 1\n",
    '# HELP a A.\n# TYPE a gauge\na{x="\\y"} 1\n',
    '# HELP a A.\n# TYPE a gauge\na{x="1",x="2"} 1\n',
    "# HELP a A.\n# TYPE a gauge\na 1",
    '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n',
])
def test_our_reader_of_the_format_is_strict(text):
    with pytest.raises(ValueError):
        metrics_text.parse(text)
