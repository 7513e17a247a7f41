"""The four daemons as programs: a configuration file each, started in the foreground, stopped by SIGTERM."""

import os

from .process import Process, can_connect


class Daemon:
    """`build` is the directory with the programs; the configuration is written anew at every start."""

    def __init__(self, build, directory, name, program, config, listens):
        self.name = name
        self.path = program_path(build, program)
        self.config_path = os.path.join(directory, f"{name}.conf")
        self.log_path = os.path.join(directory, f"{name}.log")
        self.config = config
        self.listens = listens  # unix socket paths that tell when it is ready
        self.process = None
        self.env = {}

    def write_config(self, text=None):
        if text is not None:
            self.config = text
        with open(self.config_path, "w", encoding="utf-8") as conf:
            conf.write(self.config)

    def start(self):
        self.write_config()
        self.process = Process(self.name, [self.path, "-c", self.config_path], self.log_path, self.env)
        self.process.start(ready=lambda: all(can_connect(f"unix:{path}") for path in self.listens))
        return self

    def stop(self):
        return self.process.stop() if self.process else None

    def restart(self):
        self.stop()
        return self.start()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def status_bytes(self, field):
        """A VmRSS-like field of /proc/PID/status, in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise KeyError(field)


def program_path(build, program):
    """Where the build (or an installation) has the program."""
    folders = {
        "outrider-milter": "milter",
        "outrider-policyd": "policyd",
        "outrider-authd": "authd",
        "outrider-lmtpd": "lmtp",
        "outrider": ".",
    }
    for folder in (folders[program], "sbin", "bin", "."):
        path = os.path.join(build, folder, program)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise FileNotFoundError(f"{program} is not built below {build}")
