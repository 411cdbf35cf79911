# SPDX-License-Identifier: Apache-2.0
"""A Prometheus server beside a run of `cohortctl local`: it scrapes the processes of the run folder, wherever they
listen, and answers queries. The configuration and the rules are those of deploy/prometheus, with a shorter interval.
Standard library only. Not thread-safe, but for the thread of its own that follows the run folder."""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE_SECONDS = 30
LISTENING = re.compile(r'msg="Listening on" address=(\S+)')
# What each kind of process writes to its log when it serves, and the file of targets that it belongs to.
ADDRESS = re.compile(r"^[^\n]*\b(?:serving|learner started)\b[^\n]*\bhttp=(\S+)", re.MULTILINE)
TARGETS = {"coordinator": "coordinator.yaml", "worker": "rollout_worker.yaml", "learner": "learner.yaml"}


def addresses(run_dir):
    """{file of targets: [address]} of the processes that have begun to serve; of a restarted one, the last."""
    found = {name: [] for name in TARGETS.values()}
    for log in sorted(pathlib.Path(run_dir, "logs").glob("*.log")):
        served = ADDRESS.findall(log.read_text(encoding="utf-8", errors="replace"))
        if served:
            found[TARGETS[log.stem.split("-")[0]]].append(served[-1])
    return found


def substituted(expr, job, rate_interval, time_range):
    """An expression of a dashboard as Grafana asks for it, with this job chosen and everything else open."""
    for name, value in (
        ("$__rate_interval", rate_interval),
        ("$__range", time_range),
        ("$namespace", ".*"),
        ("$job_namespace", "[^/]+"),
        ("$training_job", job),
        ("$instance", ".*"),
    ):
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


class ScrapedRun:
    """Use as a context: the server runs from entering to leaving."""

    def __init__(self, prometheus, configuration, run_dir, scratch, interval_seconds=1):
        """`prometheus` is the program, `configuration` the folder deploy/prometheus, `scratch` an empty folder."""
        self.interval_seconds = interval_seconds
        self._prometheus = str(prometheus)
        self._run_dir = pathlib.Path(run_dir)
        self._scratch = pathlib.Path(scratch)
        self._stop = threading.Event()
        self._targets = threading.Thread(target=self._follow, daemon=True)
        shutil.copytree(pathlib.Path(configuration) / "rules", self._scratch / "rules")
        (self._scratch / "targets").mkdir()
        text = (pathlib.Path(configuration) / "prometheus.yml").read_text(encoding="utf-8")
        text = re.sub(r"_interval: \w+", f"_interval: {interval_seconds}s", text)
        (self._scratch / "prometheus.yml").write_text(text, encoding="utf-8")
        self._log = self._scratch / "prometheus.log"

    def __enter__(self):
        command = [self._prometheus, f"--config.file={self._scratch / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={self._scratch / 'series'}", "--web.listen-address=127.0.0.1:0"]
        self._write_targets()
        with self._log.open("w", encoding="utf-8") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            self._base = "http://" + self._await_address()
        except BaseException:
            self._server.kill()
            self._server.wait()
            raise
        self._targets.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._targets.join()
        self._server.send_signal(signal.SIGTERM)
        try:
            self._server.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def get(self, path, **parameters):
        """The `data` of an answer of Prometheus' HTTP API; ValueError with its own words when it refuses."""
        url = f"{self._base}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{error.code} {error.read().decode()}: {parameters}") from error

    def query(self, expr, moment):
        return self.get("query", query=expr, time=f"{moment:.3f}")["result"]

    def query_range(self, expr, start, end, step):
        return self.get("query_range", query=expr, start=f"{start:.3f}", end=f"{end:.3f}", step=f"{step:.3f}")["result"]

    def await_targets(self, count):
        """Returns when so many processes have answered a scrape."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answering := len(self.query("up == 1", time.time()))) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{answering} of {count} processes answer a scrape: {addresses(self._run_dir)}")
            time.sleep(self.interval_seconds / 4)

    def _await_address(self):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self._server.poll() is None:
            listening = LISTENING.search(self._log.read_text(encoding="utf-8"))
            if listening:
                return listening[1]
            time.sleep(0.05)
        raise RuntimeError("Prometheus does not serve:\n" + self._log.read_text(encoding="utf-8"))

    def _write_targets(self):
        for name, found in addresses(self._run_dir).items():
            # JSON is YAML. Renamed into place: Prometheus reads a file as soon as it changes.
            text = json.dumps([{"targets": found}])
            path = self._scratch / "targets" / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                (partial := path.with_suffix(".partial")).write_text(text, encoding="utf-8")
                partial.replace(path)

    def _follow(self):
        while not self._stop.wait(0.2):
            self._write_targets()
