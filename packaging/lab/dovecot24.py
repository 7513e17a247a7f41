"""A Dovecot 2.4 in a directory tree of its own (make-dovecot24-root.sh) whose auth server is authd."""

from .dovecot import Dovecot

# What 2.4 changed against 2.3: the two versions come first and are required, mail_location became mail_driver and
# mail_path, ssl_cert = <FILE became ssl_server_cert_file = FILE, and variables are written %{name} only.
# The auth server's sockets are named as before: by argument to the login and mail processes.
DOVECOT24_CONF = """\
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
base_dir = {directory}/run
state_dir = {directory}/state
instance_name = outrider-lab24
log_path = {directory}/dovecot.log
auth_socket_path = {master_socket}
protocols {{
  imap = yes
  pop3 = yes
}}
listen = 127.0.0.1
ssl = yes
ssl_server_cert_file = {cert}
ssl_server_key_file = {key}
mail_driver = maildir
mail_path = ~/Maildir
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

# The lab's directory appears in the tree under its own path, in a mount namespace that ends with the process.
ENTER = 'mkdir -p "$1$2" && mount --bind "$2" "$1$2" && root=$1 && shift 2 && exec chroot "$root" "$@"'


class Dovecot24(Dovecot):
    template = DOVECOT24_CONF

    def __init__(self, root, lab_directory, *sockets_and_certificate):
        super().__init__(*sockets_and_certificate)
        self.root = root
        self.lab_directory = lab_directory

    def command(self, program, *words):
        enter = ["unshare", "-m", "--propagation", "private", "sh", "-c", ENTER, "sh", self.root, self.lab_directory]
        return [*enter, program, *words]
