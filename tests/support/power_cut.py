"""What a disk may hold after a power cut, from the journal that cutshim.c wrote.

POSIX promises little, and this takes it at its word: the bytes of a file are safe once the file was fsync()ed,
an entry of a directory once the directory was. Of everything since then any part may have arrived, in any order:
single writes, the growth of a file without its bytes (zeros), either half of a rename.
"""

import os
import pathlib
import struct

CREATE, MKDIR, LINK, UNLINK, RENAME, WRITE, SYNC, SYNC_ALL, TRUNCATE = range(1, 10)
RECORD = struct.Struct("=IIQQQQ")


class File:
    """Bytes that are safe, and the changes to them that are not."""

    def __init__(self, content=b""):
        self.safe = content
        self.pending = []  # (offset, bytes), or (length, None) for a truncation

    def content(self, keep=lambda: True):
        content = bytearray(self.safe)
        for offset, data in self.pending:
            if data is None:
                if keep():
                    content = content[:offset].ljust(offset, b"\0")
                continue
            whole, grown = keep(), keep()
            if whole or grown:
                content = content.ljust(offset + len(data), b"\0")
            if whole:
                content[offset:offset + len(data)] = data
        return bytes(content)

    def sync(self):
        self.safe = self.content()
        self.pending = []


class Directory:
    """Entries that are safe, and for each name the changes that are not: a node, or None for a removal."""

    def __init__(self):
        self.safe = {}
        self.pending = {}

    def set(self, name, node):
        self.pending.setdefault(name, []).append(node)

    def entries(self, choose=lambda states: states[-1]):
        result = dict(self.safe)
        for name, changes in self.pending.items():
            result[name] = choose([self.safe.get(name), *changes])
        return {name: node for name, node in result.items() if node is not None}

    def sync(self):
        self.safe = self.entries()
        self.pending = {}


class Disk:
    """One directory tree. Build it from what is there, feed it the journal, ask for a tree after the cut."""

    def __init__(self, root):
        self.nodes = {}
        self.root = self._scan(pathlib.Path(root))
        self._sync_all()

    def _scan(self, path):
        inode = path.lstat().st_ino
        if inode in self.nodes:
            return self.nodes[inode]
        if path.is_dir():
            node = Directory()
            for child in path.iterdir():
                node.set(child.name, self._scan(child))
        else:
            node = File(path.read_bytes())
        self.nodes[inode] = node
        return node

    def _sync_all(self):
        for node in self.nodes.values():
            node.sync()

    def feed(self, journal, ignore_sync=False):
        """Returns how many changes the journal holds. `ignore_sync`: as if fsync() did nothing."""
        data = pathlib.Path(journal).read_bytes()
        at = count = 0
        while at < len(data):
            what, name_bytes, parent, inode, offset, data_bytes = RECORD.unpack_from(data, at)
            at += RECORD.size
            name = os.fsdecode(data[at:at + name_bytes])
            at += name_bytes
            if not (ignore_sync and what in (SYNC, SYNC_ALL)):
                self._apply(what, parent, inode, offset, name, data[at:at + data_bytes])
            at += data_bytes
            count += 1
        return count

    def _apply(self, what, parent, inode, offset, name, data):
        if what in (CREATE, MKDIR):
            self.nodes[inode] = File() if what == CREATE else Directory()
        if what in (CREATE, MKDIR, LINK):
            self.nodes[parent].set(name, self.nodes[inode])
        elif what == UNLINK:
            self.nodes[parent].set(name, None)
        elif what == RENAME:
            self.nodes[parent].set(name, None)
            self.nodes[offset].set(os.fsdecode(data), self.nodes[inode])
        elif what in (WRITE, TRUNCATE):
            self.nodes[inode].pending.append((offset, data if what == WRITE else None))
        elif what == SYNC:
            self.nodes[inode].sync()
        elif what == SYNC_ALL:
            self._sync_all()

    def tree(self, choose=None):
        """{path: bytes, or None for a directory} as it is now; with a random.Random: as a power cut leaves it.
        Files with several names come as the same object, to be linked again."""
        keep, pick = (lambda: True), (lambda states: states[-1])
        if choose is not None:
            # A cut where everything or nothing of the rest arrives is as likely as a mixture.
            bias = choose.choice((0.0, 0.5, 0.5, 0.9, 1.0))
            keep = lambda: choose.random() < bias  # noqa: E731
            pick = lambda states: states[-1] if keep() else choose.choice(states)  # noqa: E731
        contents, found = {}, {}

        def walk(directory, prefix):
            for name, node in directory.entries(pick).items():
                path = os.path.join(prefix, name)
                if isinstance(node, Directory):
                    found[path] = None
                    walk(node, path)
                else:
                    found[path] = contents.setdefault(id(node), node.content(keep))

        walk(self.root, "")
        return found


def read_tree(root):
    """The real directory in the same shape."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in names:
            found[os.path.relpath(os.path.join(directory, name), root)] = None
        for name in files:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, root)] = pathlib.Path(path).read_bytes()
    return found


def write_tree(root, tree, owner):
    """Makes the empty directory `root` this tree, all of it the owner's."""
    first = {}
    for path, content in tree.items():
        full = os.path.join(root, path)
        if content is None:
            os.mkdir(full, 0o700)
        elif content and id(content) in first:
            os.link(first[id(content)], full)
            continue
        else:
            first[id(content)] = full
            pathlib.Path(full).write_bytes(content)
        os.chown(full, owner, owner)
