"""Unpacks libtorch from wheels, and checks what was unpacked. Needs nothing but Python's own library.

extract HOME LIBRARY... -- WHEEL...   fills HOME with lib/, include/ and, at the end, MANIFEST
check HOME                            prints `ok`, `damaged` or `missing` and the path of each file of MANIFEST
"""

import fnmatch
import hashlib
import os
import re
import sys
import zipfile

BLOCK = 1 << 20


def target(name, libraries):
    """Where a wheel's file goes, or None if it is not wanted."""
    if name.startswith("torch/include/") and not name.endswith("/"):
        return name[len("torch/") :]
    base = name.rsplit("/", 1)[-1]
    if "/lib/" in name and any(fnmatch.fnmatchcase(base, pattern) for pattern in libraries):
        return "lib/" + base
    return None


def blocks(source):
    return iter(lambda: source.read(BLOCK), b"")


def extract(home, libraries, wheels):
    lines = []

    def write(path, content):
        to = os.path.join(home, *path.split("/"))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with open(to, "wb") as out:
            for block in content:
                out.write(block)
                digest.update(block)
                size += len(block)
        lines.append("%s %d %s\n" % (digest.hexdigest(), size, path))

    found = set()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                path = target(name, libraries)
                if path is not None:
                    with archive.open(name) as source:
                        write(path, blocks(source))
                    found.add(path.rsplit("/", 1)[-1])
                elif name == "torch/version.py":
                    version = archive.read(name).decode()
    absent = [pattern for pattern in libraries if not fnmatch.filter(found, pattern)]
    if absent:
        sys.exit("the packages lack " + ", ".join(absent))
    if "libtorch_cpu.so" in libraries:
        # The packaged libtorch.so would pull the CUDA libraries in.
        write("lib/libtorch.so", [b"INPUT(-ltorch_cpu)\n"])
    version = re.search(r"__version__ = '([0-9.]+)", version).group(1)
    write("build-version", [version.encode() + b"\n"])
    with open(os.path.join(home, "MANIFEST"), "w") as out:
        out.writelines(sorted(lines, key=lambda line: line.split(" ", 2)[2]))


def check(home):
    with open(os.path.join(home, "MANIFEST")) as manifest:
        for line in manifest:
            expected, _, path = line.rstrip("\n").split(" ", 2)
            digest = hashlib.sha256()
            try:
                with open(os.path.join(home, *path.split("/")), "rb") as source:
                    for block in blocks(source):
                        digest.update(block)
                state = "ok" if digest.hexdigest() == expected else "damaged"
            except OSError:
                state = "missing"
            print(state, path)


if sys.argv[1] == "extract":
    split = sys.argv.index("--")
    extract(sys.argv[2], sys.argv[3:split], sys.argv[split + 1 :])
else:
    check(sys.argv[2])
