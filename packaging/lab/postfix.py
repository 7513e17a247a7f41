"""A Postfix of its own: configuration, queue and data below one directory, smtpd and submission on loopback."""

import os
import re
import shutil
import subprocess
import time

from .process import LabError, can_connect, free_port, run

MASTER_CF = """\
127.0.0.1:{smtp_port} inet n - n - - smtpd
127.0.0.1:{submission_port} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes
  -o smtpd_recipient_restrictions=
  -o smtpd_sender_restrictions=reject_sender_login_mismatch
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

MAIN_CF = """\
compatibility_level = 3.6
maillog_file = {directory}/mail.log
maillog_file_prefixes = {directory}
queue_directory = {directory}/spool
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {hostname}
mydestination =
mynetworks = {mynetworks}
smtpd_peername_lookup = {peername_lookup}
smtpd_helo_required = yes
smtputf8_enable = yes
smtpd_forbid_bare_newline = normalize
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = unix:outrider/sasl
smtpd_sender_login_maps = socketmap:unix:outrider/maps:senders
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, check_policy_service unix:outrider/policy
virtual_mailbox_domains = socketmap:unix:outrider/maps:mailbox-domains
virtual_mailbox_maps = socketmap:unix:outrider/maps:mailboxes
virtual_alias_domains =
virtual_alias_maps = socketmap:unix:outrider/maps:aliases
virtual_transport = lmtp:unix:outrider/lmtp
smtpd_milters = unix:outrider/milter
non_smtpd_milters = unix:outrider/milter
milter_default_action = tempfail
relayhost = {relayhost}
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
smtp_dns_support_level = disabled
recipient_delimiter = +
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_timeout = 60s
message_size_limit = 209715200
virtual_mailbox_limit = 0
"""


class Postfix:
    """start() needs root: Postfix's master insists on it."""

    def __init__(self, directory, hostname, cert, key, wrapper=()):
        self.directory = directory
        self.hostname = hostname
        self.cert, self.key = cert, key
        self.wrapper = list(wrapper)  # e.g. unshare with a resolv.conf of our own
        self.peername_lookup = "yes"
        self.mynetworks = "127.0.0.1/32"
        self.smtp_port = free_port()
        self.submission_port = free_port()
        self.relayhost = ""
        self.settings = {}
        self.master_pid = None

    @property
    def spool(self):
        return os.path.join(self.directory, "spool")

    @property
    def socket_directory(self):
        return os.path.join(self.spool, "outrider")

    def prepare(self):
        """The directories and files, so that daemons can put their sockets there before Postfix starts."""
        etc = os.path.join(self.directory, "etc")
        for path in (self.directory, etc, self.spool, self.socket_directory):
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o755)
        data = os.path.join(self.directory, "data")
        os.makedirs(data, exist_ok=True)
        shutil.chown(data, "postfix", "postfix")
        shutil.chown(self.socket_directory, "root", "postfix")
        os.chmod(self.socket_directory, 0o750)
        self.write_config()
        open(os.path.join(self.directory, "mail.log"), "a", encoding="utf-8").close()

    def write_config(self):
        values = {key: value for key, value in vars(self).items() if isinstance(value, (str, int))}
        # Replaced, never given twice: each program warns of that, and a reload in which they all do so while
        # postlogd is away fills the log socket and stops the master.
        lines = [line for line in MAIN_CF.format(**values).splitlines() if line.split(" =")[0] not in self.settings]
        main_cf = "\n".join(lines + [f"{name} = {value}" for name, value in self.settings.items()]) + "\n"
        etc = os.path.join(self.directory, "etc")
        with open(os.path.join(etc, "main.cf"), "w", encoding="utf-8") as out:
            out.write(main_cf)
        with open(os.path.join(etc, "master.cf"), "w", encoding="utf-8") as out:
            out.write(MASTER_CF.format(**values))

    def command(self, *words):
        return [*self.wrapper, words[0], "-c", os.path.join(self.directory, "etc"), *words[1:]]

    def start(self):
        run(self.command("postfix", "start"))
        pid_file = os.path.join(self.spool, "pid", "master.pid")
        until = time.monotonic() + 20
        while not can_connect(("127.0.0.1", self.smtp_port)):
            if time.monotonic() > until:
                raise LabError("Postfix does not listen:\n" + self.log())
            time.sleep(0.05)
        with open(pid_file, encoding="ascii") as pid:
            self.master_pid = int(pid.read())
        return self

    def reload(self):
        self.write_config()
        run(self.command("postfix", "reload"))

    def stop(self):
        if self.master_pid is None:
            return
        subprocess.run(self.command("postfix", "stop"), capture_output=True, check=False)
        until = time.monotonic() + 15
        while os.path.exists(f"/proc/{self.master_pid}") and time.monotonic() < until:
            time.sleep(0.05)
        self.master_pid = None

    def log(self):
        with open(os.path.join(self.directory, "mail.log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def flush(self):
        run(self.command("postqueue", "-f"))

    def queue(self):
        """What is queued, as postqueue -j prints it."""
        return run(self.command("postqueue", "-j")).strip().splitlines()

    def wait_for_log(self, pattern, timeout=60):
        """The first match of the pattern in the log, waiting for it."""
        until = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.log())
            if found:
                return found
            if time.monotonic() > until:
                raise LabError(f"no /{pattern}/ in Postfix's log:\n" + self.log()[-4000:])
            time.sleep(0.05)
