"""The other clients that are installed, each as the beginning of a command: of a class of this folder that uses Curator, of a script that uses
kazoo. And the two servers, one after the other."""
import glob
import os
import shutil
import subprocess

import bench

HERE = os.path.dirname(os.path.abspath(__file__))
CURATOR_JARS = ["curator-client", "curator-framework", "curator-recipes", "guava", "failureaccess", "jackson*", "netty*", "commons-cli"]
PYTHON = ["/usr/bin/python3", "-B"]  # The distribution's, which has kazoo.


def curator(scratch, name):
    """Compiles @name.java into @scratch. None: there is no Java, or no Curator."""
    if not shutil.which("javac") or not os.path.exists(bench.JARS + "/curator-recipes.jar"):
        return None
    jars = [jar for jars in CURATOR_JARS + bench.JAR_NAMES for jar in sorted(glob.glob(bench.JARS + "/" + jars + ".jar"))]
    path = ":".join([scratch] + jars)
    subprocess.run(["javac", "-nowarn", "-cp", path, "-d", scratch, HERE + "/" + name + ".java"], check=True, stderr=subprocess.DEVNULL)
    return ["java", "-Xmx1g", "-cp", path, name]


def kazoo(script):
    """None: it is not installed."""
    if subprocess.run(PYTHON + ["-c", "import kazoo"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return None
    return PYTHON + [HERE + "/" + script]


def servers(which, devserver):
    """(name, running server), of those that are asked for ("dev", "apache" or "both") and installed."""
    if which != "apache":
        with bench.dev_server(devserver) as server:
            yield "Development server", server
    if which != "dev" and bench.have_apache():
        with bench.apache_server("/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as server:
            yield "Apache ZooKeeper, from the distribution", server
