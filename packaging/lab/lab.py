"""The whole mail system in one directory, in the order in which its parts need each other."""

import os
import shutil
import subprocess
import time

from .daemons import Daemon, program_path
from .dovecot import Dovecot
from .nsd import Nsd
from .postfix import Postfix
from .process import can_connect, run

MAIL_UID = 5000  # owner of the mailboxes: a number is enough, no entry in /etc/passwd is made
# For Postfix, whose resolver knows no other port; one of its own, so that two labs can run at the same time.
DNS_PORT_53 = f"127.0.53.{os.getpid() % 250 + 1}"

POLICYD_CONF = """\
user = "nobody"
hostname = "{hostname}"
listen policy {{ address = {{"unix:{sockets}/policy"}} group = "postfix" }}
listen srs {{ address = {{"unix:{sockets}/srs"}} group = "postfix" }}
store = "sqlite:{directory}/policyd/state.sqlite"
decisions = "{directory}/policyd/decisions.sqlite"
dns {{ servers = {{"{dns}"}} timeout = 5s try-timeout = 1s }}
internal-networks = {{"127.0.0.1"}}
{extra}
"""

MILTER_CONF = """\
user = "nobody"
group = "postfix"
listen milter {{ address = {{"unix:{sockets}/milter"}} group = "postfix" }}
dns {{ servers = {{"{dns}"}} timeout = 5s try-timeout = 1s }}
authserv-id = "{hostname}"
policyd = "unix:{sockets}/policy"
key-directory = "{directory}/dkim"
internal-networks = {{"127.0.0.1"}}
{extra}
"""

AUTHD_CONF = """\
user = "nobody"
database = "{directory}/authd/accounts.sqlite"
store = "sqlite:{directory}/authd/state.sqlite"
logins = "{directory}/authd/logins.sqlite"
mail-uid = {uid}
mail-gid = {uid}
mail-home = "{directory}/mail/%d/%n"
listen sasl {{ address = {{"unix:{sockets}/sasl"}} group = "postfix" }}
listen maps {{ address = {{"unix:{sockets}/maps"}} group = "postfix" }}
listen dovecot-login {{ address = {{"unix:{run}/dovecot-login"}} group = "dovenull" }}
listen dovecot-master {{ address = {{"unix:{run}/dovecot-master"}} mode = "0666" }}
listen control {{ address = {{"unix:{run}/control"}} }}
{extra}
"""

LMTPD_CONF = """\
user = "nobody"
listen lmtp {{ address = {{"unix:{sockets}/lmtp"}} group = "postfix" }}
userdb = "unix:{run}/dovecot-master"
max-message-size = 250M
sieve-relay = "inet:127.0.0.1:{smtp}"
store = "sqlite:{directory}/lmtpd/state.sqlite"
{extra}
"""


class Lab:
    """`directory` must be empty and below a path that every user may traverse; `build` has the programs."""

    def __init__(self, directory, build, hostname="mx.home.test"):
        self.directory = str(directory)
        self.build = str(build)
        self.hostname = hostname
        self.cert = os.path.join(self.directory, "cert.pem")
        self.key = os.path.join(self.directory, "key.pem")
        self.run_directory = os.path.join(self.directory, "run")
        for path in (self.directory, self.run_directory):
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o755)
        wrapper = self._own_resolv_conf()
        self.nsd = Nsd(self._path("dns"), with_port_53=DNS_PORT_53 if wrapper else None)
        self.postfix = Postfix(self._path("postfix"), hostname, self.cert, self.key, wrapper)
        if not wrapper:
            self.postfix.peername_lookup = "no"
        self.dovecot = Dovecot(
            self._path("dovecot"),
            os.path.join(self.run_directory, "dovecot-login"),
            os.path.join(self.run_directory, "dovecot-master"),
            self.cert,
            self.key,
        )
        self._make_daemons()

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _own_resolv_conf(self):
        """Postfix asks the resolver of /etc/resolv.conf for client names: give it the lab's in a mount namespace of
        its own. Where a container forbids that, look-ups of client names are turned off instead."""
        resolv_conf = self._path("resolv.conf")
        with open(resolv_conf, "w", encoding="ascii") as out:
            out.write(f"nameserver {DNS_PORT_53}\noptions timeout:1 attempts:1\n")
        script = f'mount --bind "{resolv_conf}" "$(readlink -f /etc/resolv.conf)" && exec "$@"'
        wrapper = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"]
        probe = subprocess.run([*wrapper, "true"], capture_output=True, check=False)
        return wrapper if probe.returncode == 0 and not can_connect((DNS_PORT_53, 53)) else []

    def _make_daemons(self):
        values = {
            "directory": self.directory,
            "sockets": self.postfix.socket_directory,
            "run": self.run_directory,
            "dns": self.nsd.server,
            "hostname": self.hostname,
            "uid": MAIL_UID,
            "smtp": self.postfix.smtp_port,
            "extra": "",
        }
        self.values = values
        conf = self._path("conf")
        os.makedirs(conf, exist_ok=True)
        sockets, runs = values["sockets"], values["run"]

        def daemon(name, program, text, listens):
            return Daemon(self.build, conf, name, program, text.format(**values), listens)

        self.policyd = daemon("policyd", "outrider-policyd", POLICYD_CONF,
                              [f"{sockets}/policy", f"{sockets}/srs"])
        self.milter = daemon("milter", "outrider-milter", MILTER_CONF, [f"{sockets}/milter"])
        self.authd = daemon(
            "authd",
            "outrider-authd",
            AUTHD_CONF,
            [f"{sockets}/sasl", f"{sockets}/maps", f"{runs}/dovecot-login", f"{runs}/dovecot-master"],
        )
        self.lmtpd = daemon("lmtpd", "outrider-lmtpd", LMTPD_CONF, [f"{sockets}/lmtp"])
        self.daemons = [self.authd, self.policyd, self.milter, self.lmtpd]

    def configure(self, daemon, template, extra="", **changes):
        """Gives a daemon further options; takes effect at its next start."""
        daemon.config = template.format(**{**self.values, **changes, "extra": extra})

    def prepare(self):
        """Certificate, directories, configuration files; no server yet."""
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={self.hostname}",
             "-keyout", self.key, "-out", self.cert])
        self.postfix.prepare()
        for name, owner in (("authd", "nobody"), ("policyd", "nobody"), ("lmtpd", "nobody"), ("dkim", "nobody"), ("mail", MAIL_UID)):
            os.makedirs(self._path(name), exist_ok=True)
            shutil.chown(self._path(name), owner, MAIL_UID if owner == MAIL_UID else "nogroup")
            os.chmod(self._path(name), 0o700 if name != "mail" else 0o755)
        for daemon in self.daemons:
            daemon.write_config()

    def start(self):
        self.nsd.start()
        for daemon in self.daemons:
            daemon.start()
        self.dovecot.start()
        self.postfix.start()
        return self

    def stop(self):
        """Everything that was started, in the reverse order; safe after a start that failed half-way."""
        self.postfix.stop()
        self.dovecot.stop()
        for daemon in reversed(self.daemons):
            daemon.stop()
        self.nsd.stop()

    def cli(self, *words, config=None, stdin=None):
        """Runs `outrider ...`; (exit status, output)."""
        command = [program_path(self.build, "outrider"), *words]
        if config is not None:
            command += ["--config", config.config_path]
        done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        return done.returncode, done.stdout

    def must_cli(self, *words, **options):
        status, output = self.cli(*words, **options)
        if status != 0:
            raise RuntimeError(f"outrider {' '.join(words)}: exit {status}: {output}")
        return output

    def add_user(self, address, password):
        self.must_cli("user", "add", address, "--password-stdin", config=self.authd, stdin=password + "\n")

    def add_domain(self, domain):
        self.must_cli("domain", "add", domain, config=self.authd)

    def make_dkim_keys(self, domain):
        """Our own keys for a domain we host, published in the lab's DNS. Returns the zone lines."""
        lines = self.must_cli("dkim", "keygen", domain, f"--directory={self._path('dkim')}", "--owner=nobody")
        self.nsd.records.append(lines)  # it is zone-file text as it stands
        return lines

    def delivered_files(self, address):
        """Paths of all messages in a user's INBOX on disk."""
        user, domain = address.split("@")
        root = self._path(f"mail/{domain}/{user}/Maildir")
        return [os.path.join(root, sub, name) for sub in ("new", "cur")
                for name in (os.listdir(os.path.join(root, sub)) if os.path.isdir(os.path.join(root, sub)) else [])]

    def wait_delivered(self, address, count, timeout=20):
        until = time.monotonic() + timeout
        while len(self.delivered_files(address)) < count and time.monotonic() < until:
            time.sleep(0.05)
        return self.delivered_files(address)
