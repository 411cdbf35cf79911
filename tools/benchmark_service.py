#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The coordinator as a service beside Redis and PostgreSQL, in one run.

    tools/benchmark_service.py [--only claims,ingest,submits,scale,storm] [--json FILE]

Builds //coordinator/benchmark:service_measurement and starts redis-server and PostgreSQL (Debian's packages, asked for
by name when they are missing) on sockets in a temporary folder. Rounds of ours and of the peers alternate. What is printed:
ratios of medians, with the smallest and the largest ratio of a round, and the bar for each where there is one
(docs/benchmarks/service_cpu.md).
"""
import argparse
import glob
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROUNDS = 7
NUM_GROUPS = 100_000


def run(command, **kwargs):
    return subprocess.run(command, check=True, capture_output=True, text=True, **kwargs).stdout


def tool(name, package):
    found = shutil.which(name) or next(iter(sorted(glob.glob(f'/usr/lib/postgresql/*/bin/{name}'))), None)
    if found is None:
        sys.exit(f'benchmark_service: {name} is missing: apt-get install {package}')
    return found


class Redis:
    """Leases as LMOVE from a list of waiting to a list of leased groups; not durable, as our leases are not."""

    def __init__(self, folder):
        self.socket = f'{folder}/redis.sock'
        self.benchmark = tool('redis-benchmark', 'redis-tools')
        self.cli = tool('redis-cli', 'redis-tools')
        self.server = subprocess.Popen(
            [tool('redis-server', 'redis-server'), '--port', '0', '--unixsocket', self.socket, '--save', '',
             '--appendonly', 'no', '--dir', folder], stdout=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            time.sleep(0.05)

    def leases_per_second(self):
        """50 clients, one lease a call: redis-benchmark's best number of clients."""
        run([self.cli, '-s', self.socket, 'DEL', 'waiting', 'leased'])
        fill = ''.join(f'RPUSH waiting {i}\n' for i in range(NUM_GROUPS))
        run([self.cli, '-s', self.socket, '--pipe'], input=fill)
        out = run([self.benchmark, '-s', self.socket, '-n', str(NUM_GROUPS), '-c', '50', '--csv', 'LMOVE', 'waiting',
                   'leased', 'LEFT', 'RIGHT'])
        return float(out.strip().splitlines()[-1].split('","')[1].strip('"'))

    def stop(self):
        self.server.terminate()
        self.server.wait()


class Postgres:
    """Leases by SELECT ... FOR UPDATE SKIP LOCKED with synchronous_commit off, and durable inserts with it on."""

    LEASE = ("UPDATE groups SET leased_by = :client_id, until = now() + interval '30 s' WHERE id IN (SELECT id FROM "
             "groups WHERE leased_by IS NULL ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED) RETURNING id;")
    INSERT = ("INSERT INTO jobs (name, spec) VALUES (:client_id || '-' || random()::text || clock_timestamp()::text, "
              "repeat('x', 600));")

    def __init__(self, folder):
        self.folder = folder
        self.pgbench = tool('pgbench', 'postgresql')
        self.as_user = ['runuser', '-u', 'postgres', '--'] if os.geteuid() == 0 else []
        data = f'{folder}/postgres'
        os.makedirs(data)
        if self.as_user:
            shutil.chown(data, 'postgres')
            os.chmod(folder, 0o755)
        run(self.as_user + [tool('initdb', 'postgresql'), '-D', data, '-A', 'trust', '-U', 'bench'], cwd='/')
        self.server = subprocess.Popen(
            self.as_user + [tool('postgres', 'postgresql'), '-D', data, '-k', data, '-c', 'listen_addresses=', '-c',
                            'max_connections=100', '-c', 'shared_buffers=512MB'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd='/')
        self.where = ['-h', data, '-U', 'bench']
        while subprocess.run([tool('psql', 'postgresql')] + self.where + ['-c', 'SELECT 1', 'postgres'],
                             capture_output=True).returncode:
            time.sleep(0.1)
        self.sql('CREATE TABLE jobs (name text PRIMARY KEY, spec text NOT NULL)')

    def sql(self, text):
        run([tool('psql', 'postgresql')] + self.where + ['-q', '-c', text, 'postgres'])

    def script(self, name, text):
        path = f'{self.folder}/{name}.sql'
        pathlib.Path(path).write_text(text)
        return path

    def leases_per_second(self, batch):
        self.sql('DROP TABLE IF EXISTS groups')
        self.sql('CREATE TABLE groups (id bigint PRIMARY KEY, leased_by int, until timestamptz); '
                 f'INSERT INTO groups SELECT generate_series(1, {NUM_GROUPS * 2}); '
                 'CREATE INDEX waiting ON groups (id) WHERE leased_by IS NULL; ANALYZE groups')
        out = run([self.pgbench] + self.where + ['-n', '-c', '16', '-j', '2', '-T', '2', '-D', f'batch={batch}', '-f',
                                                 self.script('lease', self.LEASE), 'postgres'],
                  env={**os.environ, 'PGOPTIONS': '-c synchronous_commit=off'})
        return batch * float(re.search(r'tps = ([\d.]+)', out).group(1))

    def submit_p99_ms(self, seconds):
        log = f'{self.folder}/submits'
        run([self.pgbench] + self.where + ['-n', '-c', '16', '-j', '2', '-R', '500', '-T', str(seconds), '-l',
                                           f'--log-prefix={log}', '-f', self.script('insert', self.INSERT), 'postgres'])
        # Column 3 is the latency of the transaction from when it was due, in microseconds.
        times = sorted(int(line.split()[2]) for path in glob.glob(log + '.*') for line in open(path))
        return times[int(len(times) * 0.99)] / 1000

    def stop(self):
        self.server.terminate()
        self.server.wait()


def ratio(ours, theirs):
    """Ratio of the medians and the range over rounds."""
    per_round = [a / b for a, b in zip(ours, theirs)]
    return (statistics.median(ours) / statistics.median(theirs), min(per_round), max(per_round))


def line(what, figure, bar, unit='x'):
    text = f'{figure[0]:.2f}{unit} ({figure[1]:.2f}-{figure[2]:.2f})' if isinstance(figure, tuple) else f'{figure:.2f}{unit}'
    print(f'{what:<72} {text:>26}   {bar}')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default='claims,ingest,submits,scale,storm')
    parser.add_argument('--json', help='file for all figures')
    parser.add_argument('--disk', default=None, help='folder on the disk to be measured')
    arguments = parser.parse_args()
    wanted = arguments.only.split(',')
    target = '//coordinator/benchmark:service_measurement'
    run(['bazel', 'build', '--noshow_progress', '--ui_event_filters=-info,-warning', target], cwd=ROOT)
    binary = str(ROOT / 'bazel-bin/coordinator/benchmark/service_measurement')
    figures = {}

    def ours(what, *flags):
        return json.loads(run([binary, what, '--folder', f'{folder}/ours', *flags]))

    with tempfile.TemporaryDirectory(prefix='cohort-service-', dir=arguments.disk) as folder:
        if 'claims' in wanted:
            redis, postgres = Redis(folder), Postgres(folder)
            rounds = []
            for _ in range(ROUNDS):
                one = ours('claims', '--rounds', '1')
                rounds.append({'empty': one['empty']['calls_per_second'][0],
                               **{f'claim_{n}': one[f'claim_{n}']['leases_per_second'][0] for n in (1, 16, 64)},
                               'ready_64': one['ready_64']['leases_per_second'][0],
                               **{f'{kind}_cpu_us': one[kind]['cpu_us_per_call'][0]
                                  for kind in ('empty', 'claim_1', 'claim_64', 'ready_64')},
                               'p99_ms': one['claim_1']['p99_ms'][0],
                               'redis': redis.leases_per_second(),
                               'postgres_1': postgres.leases_per_second(1),
                               'postgres_64': postgres.leases_per_second(64)})
            redis.stop()
            postgres.stop()
            shutil.rmtree(f'{folder}/postgres')
            column = {name: [r[name] for r in rounds] for name in rounds[0]}
            figures['claims'] = column
            for name, values in column.items():
                print(f'  {name:<14} median {statistics.median(values):>12,.1f}')
            line('unbatched claims / empty RPC', ratio(column['claim_1'], column['empty']), 'bar 0.60')
            line('leases in batches of 64 / unbatched', ratio(column['claim_64'], column['claim_1']), 'bar 10')
            line('leases in batches of 64 / the same answers, ready-made', ratio(column['claim_64'], column['ready_64']),
                 'bound 1')
            line('leases in batches of 64 / Redis LMOVE unpipelined', ratio(column['claim_64'], column['redis']), '')
            line('leases in batches of 64 / PostgreSQL SKIP LOCKED, 64', ratio(column['claim_64'], column['postgres_64']), '')
            line('unbatched claims / PostgreSQL SKIP LOCKED, 1', ratio(column['claim_1'], column['postgres_1']), '')
        if 'ingest' in wanted:
            ingest = figures['ingest'] = ours('ingest', '--rounds', str(ROUNDS))
            rate = {kind: ingest[kind]['rollouts_per_second'] for kind in ingest}
            for kind, values in rate.items():
                print(f'  {kind:<16} median {statistics.median(values):>10,.0f} rollouts/s of 8 KiB')
            slower = min(('grpc_sink', 'write_fdatasync'), key=lambda kind: statistics.median(rate[kind]))
            line(f'durable ingest / {slower}, the slower bound', ratio(rate['stored'], rate[slower]), 'bar 0.40')
        if 'submits' in wanted:
            figures['submits'] = ours('submits')
            postgres = Postgres(folder)
            figures['submits']['postgres_insert_p99_ms'] = postgres.submit_p99_ms(6)
            postgres.stop()
            line('durable submit at 500/s, p99', figures['submits']['p99_ms'], 'bar 5', ' ms')
            line('write + fdatasync of a page, p99', figures['submits']['disk_sync_p99_ms'], '', ' ms')
            line('PostgreSQL INSERT at 500/s, p99', figures['submits']['postgres_insert_p99_ms'], '', ' ms')
        if 'scale' in wanted:
            scale = figures['scale'] = ours('scale')
            line('memory per problem, 1 M problems and 100,000 open groups', scale['bytes_per_problem'], 'bar 128', ' B')
            line('restart to serving', scale['restart_serving_seconds'], 'bar 5', ' s')
            line('restart to the first renewed lease', scale['restart_first_renewal_seconds'], '', ' s')
        if 'storm' in wanted:
            storm = figures['storm'] = ours('storm')
            print(f"  {storm['groups_leased_again']} of 200 leased again, {storm['groups_doubled']} doubled, "
                  f"{storm['healthy_leases_lost']} healthy leases lost")
            line('last re-lease after the last lease ran out', storm['last_after_last_lease_ms'], 'bar 100', ' ms')
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=1) + '\n')


if __name__ == '__main__':
    main()
