"""A Dovecot 2.3 of its own whose auth server is authd."""

import os

from .process import Process, can_connect, free_port

DOVECOT_CONF = """\
base_dir = {directory}/run
state_dir = {directory}/state
instance_name = outrider-lab
log_path = {directory}/dovecot.log
auth_socket_path = {master_socket}
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
mail_location = maildir:~/Maildir
first_valid_uid = 500
service imap-login {{
  executable = imap-login {login_socket}
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  executable = pop3-login {login_socket}
  chroot =
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap {{
  executable = imap -a {master_socket}
}}
service pop3 {{
  executable = pop3 -a {master_socket}
}}
service anvil {{
  chroot =
}}
namespace inbox {{
  inbox = yes
}}
{extra}
"""


class Dovecot:
    template = DOVECOT_CONF

    def __init__(self, directory, login_socket, master_socket, cert, key):
        self.directory = directory
        self.login_socket, self.master_socket = login_socket, master_socket
        self.cert, self.key = cert, key
        self.imap_port = free_port()
        self.pop3_port = free_port()
        self.extra = ""
        self.process = None

    @property
    def config_path(self):
        return os.path.join(self.directory, "dovecot.conf")

    def command(self, program, *words):
        """The words that run a program of this Dovecot."""
        return [program, *words]

    def start(self):
        os.makedirs(self.directory, exist_ok=True)
        os.chmod(self.directory, 0o755)
        with open(self.config_path, "w", encoding="utf-8") as conf:
            conf.write(self.template.format(**vars(self)))
        log = os.path.join(self.directory, "start.log")
        self.process = Process("dovecot", self.command("/usr/sbin/dovecot", "-F", "-c", self.config_path), log)
        self.process.start(ready=lambda: can_connect(("127.0.0.1", self.imap_port)))
        return self

    def log(self):
        with open(os.path.join(self.directory, "dovecot.log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        if self.process:
            self.process.stop()
