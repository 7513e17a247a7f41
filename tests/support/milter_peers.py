"""Debian's rspamd and ClamAV as they would stand beside our milter: loopback, no network, no redis, no freshclam.

Each class writes a small configuration of its own into a directory, runs the program in the foreground and stops it.
"""

import json
import os
import shutil
import urllib.request

from lab.process import Process, can_connect, free_port

VIRUS_TEXT = "OUTRIDER-HARMLESS-TEST-SIGNATURE"  # what the signature database below calls a virus

RSPAMD_CONF = """\
options {{
  filters = "dkim";
  cache_file = "{directory}/symbols.cache";
  control_socket = "{directory}/control.sock mode=0600";
  hs_cache_dir = "{directory}/";
  url_tld = "{directory}/tld.dat";
  tempdir = "{directory}";
  dns {{ timeout = 5s; nameserver = ["{dns}"]; }}
  local_addrs = ["127.0.0.1"];
}}
logging {{ type = "console"; level = "warning"; }}
modules {{ path = "{directory}/plugins/"; }}
worker "rspamd_proxy" {{
  bind_socket = "127.0.0.1:{milter_port}";
  milter = yes;
  count = 1;
  timeout = 30s;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
worker "normal" {{ bind_socket = "127.0.0.1:{http_port}"; count = 1; }}
metric "default" {{ actions {{ reject = 1000; }} }}
dkim {{ max_sigs = 20; check_local = true; check_authed = true; }}
dkim_signing {{
  sign_local = true;
  sign_authenticated = true;
  allow_username_mismatch = true;
  use_esld = false;
  check_pubkey = false;
  domain {{
{domains}
  }}
}}
milter_headers {{ use = ["x-spamd-result"]; skip_local = false; skip_authenticated = false; extended_spam_headers = true; }}
"""


def _own(directory, user):
    os.makedirs(directory, exist_ok=True)
    shutil.chown(directory, user)
    os.chmod(directory, 0o755)


class Rspamd:
    """As milter on `milter_port`, as HTTP service on `http_port`. `keys`: domain -> list of (selector, PEM path)."""

    PROGRAM = "/usr/bin/rspamd"

    def __init__(self, directory, dns, keys):
        self.directory, self.dns, self.keys = str(directory), dns, keys
        self.milter_port = free_port()
        self.http_port = free_port()
        self.process = None

    def start(self):
        _own(self.directory, "_rspamd")
        plugins = os.path.join(self.directory, "plugins")
        os.makedirs(plugins, exist_ok=True)
        for name in ("dkim_signing.lua", "milter_headers.lua"):
            os.symlink(f"/usr/share/rspamd/plugins/{name}", os.path.join(plugins, name))
        # A start compiles this list into patterns: three names take less time than the world's.
        with open(os.path.join(self.directory, "tld.dat"), "w", encoding="ascii") as out:
            out.write("com\ntest\nexample\n")
        conf = os.path.join(self.directory, "rspamd.conf")
        with open(conf, "w", encoding="ascii") as out:
            out.write(RSPAMD_CONF.format(domains=self._domains(), **vars(self)))
        command = [self.PROGRAM, "-f", "-c", conf, "-u", "_rspamd", "-g", "_rspamd"]
        self.process = Process("rspamd", command, os.path.join(self.directory, "rspamd.log"))
        self.process.start(ready=lambda: all(can_connect(("127.0.0.1", p)) for p in (self.milter_port, self.http_port)))
        return self

    def _domains(self):
        """rspamd reads keys as its own user: copies of theirs."""
        lines = []
        for domain, rows in self.keys.items():
            selectors = []
            for selector, path in rows:
                copy = os.path.join(self.directory, f"{selector}.{domain}.pem")
                shutil.copy(path, copy)
                shutil.chown(copy, "_rspamd")
                selectors.append(f'{{ path = "{copy}"; selector = "{selector}"; }}')
            lines.append(f"    {domain} {{ selectors [ {', '.join(selectors)} ] }}")
        return "\n".join(lines)

    def check(self, message, ip, sender):
        """What rspamd makes of a message, as its HTTP service says it."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}/checkv2", data=message,
                                         headers={"IP": ip, "From": sender, "Helo": "client.test"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    @property
    def milter(self):
        return f"inet:127.0.0.1:{self.milter_port}"

    def stop(self):
        if self.process:
            self.process.stop()


CLAMD_CONF = """\
DatabaseDirectory {directory}/db
LocalSocket {directory}/clamd.sock
LocalSocketMode 666
Foreground yes
TemporaryDirectory {directory}
User clamav
MaxThreads 2
"""

CLAMAV_MILTER_CONF = """\
MilterSocket inet:{milter_port}@127.0.0.1
ClamdSocket unix:{directory}/clamd.sock
Foreground yes
User clamav
TemporaryDirectory {directory}
OnInfected Reject
RejectMsg infected: %v
OnFail Defer
AddHeader Replace
"""


class Clamav:
    """clamd with a database of one harmless signature, and clamav-milter before it."""

    PROGRAM = "/usr/sbin/clamav-milter"

    def __init__(self, directory):
        self.directory = str(directory)
        self.milter_port = free_port()
        self.processes = []

    def start(self):
        database = os.path.join(self.directory, "db")
        for path in (self.directory, database):
            _own(path, "clamav")
        with open(os.path.join(database, "test.ndb"), "w", encoding="ascii") as out:
            out.write(f"Outrider.Test:0:*:{VIRUS_TEXT.encode().hex()}\n")
        self._run("clamd", "/usr/sbin/clamd", CLAMD_CONF, f"unix:{self.directory}/clamd.sock")
        self._run("clamav-milter", self.PROGRAM, CLAMAV_MILTER_CONF, ("127.0.0.1", self.milter_port))
        return self

    def _run(self, name, program, text, address):
        conf = os.path.join(self.directory, f"{name}.conf")
        with open(conf, "w", encoding="ascii") as out:
            out.write(text.format(**vars(self)))
        process = Process(name, [program, "-c", conf], os.path.join(self.directory, f"{name}.log"))
        self.processes.append(process)
        process.start(ready=lambda: can_connect(address), timeout=60)

    @property
    def milter(self):
        return f"inet:127.0.0.1:{self.milter_port}"

    def stop(self):
        for process in reversed(self.processes):
            process.kill()  # there is nothing to lose, and libmilter takes five seconds to stop


def is_installed(peer):
    return os.access(peer.PROGRAM, os.X_OK)
