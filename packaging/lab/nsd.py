"""nsd with one zone, the root: it has an answer for every name, so it can stand in for a resolver."""

import os
import pwd
import signal
import time
import socket
import struct

from .process import Process, free_port

ZONE_HEAD = """$ORIGIN .
$TTL 60
. SOA ns.test. hostmaster.test. 1 3600 900 86400 5
. NS ns.test.
ns.test. A 127.0.0.1
"""


def txt_strings(text):
    """A TXT value as zone-file strings of at most 255 bytes."""
    return " ".join(f'"{text[i : i + 255]}"' for i in range(0, max(len(text), 1), 255))


class Nsd:
    """The lab's DNS. `address` has port 53 too where it can be had, for programs that know no other."""

    def __init__(self, directory, address="127.0.0.1", with_port_53=None):
        self.directory = directory
        self.address = address
        self.port = free_port(address)
        self.with_port_53 = with_port_53
        self.records = []
        self.process = None
        self.serial = 1

    def add(self, name, kind, data):
        """One record; name and data as in a zone file, without final dot needed on the name."""
        self.records.append(f"{name.rstrip('.')}. {kind} {data}")

    def add_txt(self, name, text):
        self.add(name, "TXT", txt_strings(text))

    def write_zone(self):
        self.serial += 1
        head = ZONE_HEAD.replace(" 1 3600", f" {self.serial} 3600")
        path = os.path.join(self.directory, "root.zone")
        with open(path, "w", encoding="utf-8") as zone:
            zone.write(head + "\n".join(self.records) + "\n")

    def start(self):
        os.makedirs(self.directory, exist_ok=True)
        os.chmod(self.directory, 0o755)
        self.write_zone()
        extra = f"  ip-address: {self.with_port_53}@53\n" if self.with_port_53 else ""
        user = "nsd" if _has_user("nsd") else ""
        with open(os.path.join(self.directory, "nsd.conf"), "w", encoding="utf-8") as conf:
            conf.write(
                f"server:\n  ip-address: {self.address}@{self.port}\n{extra}"
                f'  username: "{user}"\n  zonesdir: "{self.directory}"\n  database: ""\n'
                f'  pidfile: ""\n  xfrdfile: ""\n  zonelistfile: "{self.directory}/zone.list"\n'
                f'  xfrdir: "{self.directory}"\n  hide-version: yes\n  server-count: 1\n  rrl-ratelimit: 0\n'
                "remote-control:\n  control-enable: no\n"
                'zone:\n  name: "."\n  zonefile: "root.zone"\n'
            )
        os.system(f"chown -R {user or 'root'} {self.directory}")
        command = ["/usr/sbin/nsd", "-d", "-c", os.path.join(self.directory, "nsd.conf")]
        self.process = Process("nsd", command, os.path.join(self.directory, "nsd.log"))
        self.process.start(ready=lambda: self.answers())
        return self

    def reload(self):
        """Publishes records that were added since."""
        self.write_zone()
        self.process.send_signal(signal.SIGHUP)
        time.sleep(1.0)

    def answers(self):
        query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\x02ns\x04test\x00" + struct.pack(">HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            try:
                s.sendto(query, (self.address, self.port))
                return struct.unpack(">H", s.recv(512)[6:8])[0] == 1
            except OSError:
                return False

    @property
    def server(self):
        return f"{self.address}:{self.port}"

    def stop(self):
        if self.process:
            self.process.stop()


def _has_user(name):
    try:
        pwd.getpwnam(name)
        return True
    except KeyError:
        return False
