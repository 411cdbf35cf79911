# SPDX-License-Identifier: Apache-2.0
"""Pods without a cluster: network and mount namespaces that give a process what the kubelet would give it.

A pod gets an address of its own on a bridge, the names of services and ranks by its hosts file, its volumes at their
paths on a read-only root, the programs of its image on PATH, its user without capabilities. Not imitated: seccomp
profiles, memory limits, enforcement of NetworkPolicies, cluster DNS beyond those names.
"""

import base64
import http.client
import os
import pathlib
import shutil
import subprocess
import sys

import manifests

BRIDGE, NODE_ADDRESS = "cni0", "10.244.0.1"
DEVICES = ("null", "zero", "full", "random", "urandom")
INSIDE = "COHORT_TEST_IS_IN_NAMESPACES"
SKIP = "COHORT_SKIP_NAMESPACE_TESTS"


def enter_namespaces():
    """Runs this program again in namespaces of its own, which end with it; a user namespace, too, unless root."""
    if INSIDE in os.environ:
        return
    if os.environ.get(SKIP) == "1":
        print(f"SKIPPED: {SKIP}=1")
        sys.exit(0)
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    probe = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        sys.exit(f"cannot make namespaces, which this test is about: {probe.stderr.strip()}; {SKIP}=1 leaves it out")
    os.environ[INSIDE] = "user" if os.geteuid() != 0 else "root"
    os.execvp("unshare", [*unshare, sys.executable, *sys.argv])


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr.strip()}"


def bind(source, target, read_only=False):
    if os.path.isdir(source):
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    run("mount", "--rbind", source, target)
    if read_only:
        run("mount", "-o", "remount,bind,ro", target)


def library_folders(binaries):
    """Folders outside of /usr from which the programs load libraries."""
    folders = set()
    for binary in binaries:
        listing = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        paths = [word for word in listing.split() if word.startswith("/")]
        folders |= {os.path.dirname(path) for path in paths if not path.startswith(("/lib", "/usr"))}
    return folders


class Node:
    """One machine of the cluster: the bridge between pods, the volumes, the images."""

    def __init__(self, folder, images, secrets):
        self.folder = folder
        self.images = {name: os.path.realpath(path) for name, path in images.items()}
        self.libraries = library_folders(self.images.values())
        self.secrets = {item["metadata"]["name"]: item for item in manifests.of_kind(secrets, "Secret")}
        self.pods = []
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        os.mkdir("/run/netns")
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")

    def owner(self, path, group, mode):
        """What the kubelet does for fsGroup; in a user namespace there is one user, who owns everything."""
        if os.environ[INSIDE] == "root":
            os.chown(path, 0, group)
        path.chmod(mode)

    def claim(self, name, group):
        path = self.folder / "claims" / name
        if not path.exists():
            path.mkdir(parents=True)
            self.owner(path, group, 0o2775)
        return path


class Pod:
    """One pod with its network; containers run in it one by one or together."""

    def __init__(self, node, name, item, template, objects):
        self.node, self.name, self.item, self.template = node, name, item, template
        self.spec = template["spec"]
        self.user = self.spec["securityContext"]["runAsUser"]
        self.group = self.spec["securityContext"]["fsGroup"]
        self.config_maps = {o["metadata"]["name"]: o for o in manifests.of_kind(objects, "ConfigMap")}
        node.pods.append(self)
        self.address = f"10.244.0.{len(node.pods) + 1}"
        host_end = f"veth{len(node.pods)}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", host_end, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", host_end, "master", BRIDGE, "up")
        self._in_network("ip", "link", "set", "lo", "up")
        self._in_network("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self._in_network("ip", "link", "set", "eth0", "up")
        for sysctl in self.spec["securityContext"].get("sysctls", []):
            path = "/proc/sys/" + sysctl["name"].replace(".", "/")
            self._in_network("sh", "-c", f"echo '{sysctl['value']}' > {path}")

    def _in_network(self, *words):
        run("ip", "netns", "exec", self.name, *words)

    def host_names(self):
        """The names by which others find this pod: its service's, and its own where a service gives it one."""
        names = []
        service = self.item["spec"].get("serviceName")
        if service:
            suffixes = ("", f".{manifests.NAMESPACE}", f".{manifests.NAMESPACE}.svc",
                        f".{manifests.NAMESPACE}.svc.cluster.local")
            names += [f"{self.name}.{service}{suffix}" for suffix in suffixes]
            if manifests.component(self.template) == "coordinator":
                names += [f"{service}{suffix}" for suffix in suffixes]
        return names

    def _volume(self, volume):
        """The folder with the volume's content; None for an emptyDir, which every pod has its own of."""
        name = volume["name"]
        if "persistentVolumeClaim" in volume:
            return self.node.claim(volume["persistentVolumeClaim"]["claimName"], self.group)
        if "emptyDir" in volume:
            return None
        if "configMap" in volume:
            held = self.config_maps[volume["configMap"]["name"]]
            content, mode = {key: text.encode() for key, text in held["data"].items()}, 0o644
        else:
            held = self.node.secrets[volume["secret"]["secretName"]]
            content = {key: base64.b64decode(text) for key, text in held["data"].items()}
            mode = volume["secret"]["defaultMode"]
        folder = self.node.folder / "volumes" / self.name / name
        if not folder.exists():
            data = folder / "..2026_01_01_00_00_00.1"  # as the kubelet lays it out, to replace all keys at once
            data.mkdir(parents=True)
            (folder / "..data").symlink_to(data.name)
            for key, text in content.items():
                (data / key).write_bytes(text)
                self.node.owner(data / key, self.group, mode)
                (folder / key).symlink_to(f"..data/{key}")
        return folder

    def _root(self, container):
        """The container's file system."""
        root = self.node.folder / "roots" / self.name / container["name"]
        if root.exists():
            return root
        root.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
        for folder in ("bin", "sbin", "lib", "lib64"):
            (root / folder).symlink_to(f"usr/{folder}")
        bind("/usr", root / "usr", read_only=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root / "usr/local")
        if container["image"].startswith("cohort-"):
            for name, path in self.node.images.items():
                bind(path, root / "usr/local/bin" / name, read_only=True)
        for folder in self.node.libraries:
            bind(folder, root / folder[1:], read_only=True)
        bind("/proc", root / "proc")
        for device in DEVICES:
            bind(f"/dev/{device}", root / "dev" / device)
        (root / "etc").mkdir()
        shutil.copy("/etc/ld.so.cache", root / "etc/ld.so.cache")
        (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
        (root / "etc/resolv.conf").write_text("")
        hosts = [f"{pod.address}\t{' '.join(pod.host_names())}" for pod in self.node.pods if pod.host_names()]
        (root / "etc/hosts").write_text("\n".join(["127.0.0.1\tlocalhost", f"{self.address}\t{self.name}", *hosts, ""]))
        volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
        for mount in container["volumeMounts"]:
            target = root / mount["mountPath"][1:]
            volume = volumes.get(mount["name"])
            if volume is None:  # of a volumeClaimTemplate
                source = self.node.claim(f"{mount['name']}-{self.name}", self.group)
            else:
                source = self._volume(volume)
            if source is None:
                target.mkdir(parents=True, exist_ok=True)
                size = volume["emptyDir"]["sizeLimit"].replace("Mi", "m").replace("Gi", "g")
                run("mount", "-t", "tmpfs", "-o", f"mode=1777,size={size}", "tmpfs", target)
            else:
                bind(source, target, mount.get("readOnly", False) or "configMap" in (volume or {}))
        run("mount", "-o", "remount,ro", root)
        return root

    def start(self, container):
        """The container's process, with its output in a file."""
        environment = {"PATH": "/usr/local/bin:/usr/bin", "HOSTNAME": self.name,
                       **manifests.environment_of(container, self.name)}
        user = ["--reuid", self.user, "--regid", self.group, "--clear-groups"]
        words = ["nsenter", f"--net=/run/netns/{self.name}", "unshare", "--mount", f"--root={self._root(container)}",
                 "setpriv", *(user if os.environ[INSIDE] == "root" else []), "--bounding-set=-all", "--inh-caps=-all",
                 "--no-new-privs", "env", "-i", *(f"{key}={value}" for key, value in environment.items()),
                 *manifests.command_line(container, self.name)]
        with open(self.log(container), "ab") as log:
            return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self, container):
        folder = self.node.folder / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"{self.name}.{container['name']}.log"

    def get(self, port, path):
        """(status, text) of an HTTP request from the node; (0, reason) when nobody answers."""
        connection = http.client.HTTPConnection(self.address, port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError as error:
            return 0, str(error)
        finally:
            connection.close()

    def probe(self, container, name):
        """Whether the probe of that name succeeds."""
        get = container[name]["httpGet"]
        port = next(p["containerPort"] for p in container["ports"] if p["name"] == get["port"])
        return 200 <= self.get(port, get["path"])[0] < 400


def sockets(pid):
    """((address, port), (address, port) or None) of the TCP sockets in the process's network: connections, also those
    that were closed within the last minute, and with None those that listen. IPv4, or IPv6 that stands for it."""
    def parse(text):
        host, port = text.split(":")
        number = host[-8:]
        return ".".join(str(int(number[i:i + 2], 16)) for i in (6, 4, 2, 0)), int(port, 16)

    for table in ("tcp", "tcp6"):
        try:
            lines = pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue  # has ended
        for line in lines:
            _, local, remote, state, *_ = line.split()
            if state in ("01", "06", "0A"):  # ESTABLISHED, TIME_WAIT, LISTEN
                yield parse(local), None if state == "0A" else parse(remote)
