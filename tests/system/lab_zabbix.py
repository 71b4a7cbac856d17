"""A real Zabbix 6.0 on loopback: PostgreSQL, zabbix_server and the front end (for its API), without systemd.

Everything runs on free ports, below a temporary folder, as the packages' users, and ends by its pid. Two things are the
machine's: Debian's front end reads only /etc/zabbix/zabbix.conf.php (saved and put back), and so one lab runs at a
time (a lock file). Filling the database takes 15 s; a dump kept in LINEWATCH_ZABBIX_SEED makes it 2 s from then on.
"""

import contextlib
import fcntl
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.request

import support

PROGRAMS = ("zabbix_server", "php", "psql", "pg_dump")
SQL = pathlib.Path("/usr/share/zabbix-server-pgsql")
FRONT_END = pathlib.Path("/usr/share/zabbix")
FRONT_END_CONFIG = pathlib.Path("/etc/zabbix/zabbix.conf.php")
LOCK = pathlib.Path("/run/lock/linewatch-zabbix-lab.lock")
MARK = "made by Linewatch's test lab"


def need():
    """Skips the test program where the lab can't be."""
    support.need(programs=PROGRAMS, root=True)
    if not (SQL / "schema.sql.gz").exists() or not (FRONT_END / "api_jsonrpc.php").exists():
        support.skip_program("the Zabbix server's SQL files or its front end are not installed")
    if not postgres_bin():
        support.skip_program("not installed: postgresql (initdb)")
    version = support.run(["zabbix_server", "-V"]).stdout.split("\n")[0]
    if " 6." not in version:
        support.skip_program(f"this lab knows Zabbix 6.0 and finds {version!r}")


def postgres_bin():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class ApiError(RuntimeError):
    pass


class Api:
    """A small JSON-RPC client of the front end."""

    def __init__(self, url):
        self._url, self._token, self._id = url, None, 0

    def __call__(self, method, params):
        self._id += 1
        body = {"jsonrpc": "2.0", "method": method, "params": params, "id": self._id}
        if self._token:
            body["auth"] = self._token  # 6.0 knows no bearer header
        request = urllib.request.Request(self._url, json.dumps(body).encode(), {"Content-Type": "application/json-rpc"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            reply = json.load(answer)
        if "error" in reply:
            raise ApiError(f"{method}: {reply['error']}")
        return reply["result"]

    def login(self, user="Admin", password="zabbix"):
        self._token = self("user.login", {"username": user, "password": password})


class ZabbixLab:
    """Context manager. `port` is the trapper's, `api` is logged in as Admin. `server`: more of zabbix_server.conf. `inside`:
    command words that lead into the server's network namespace, where it has the `address`."""

    def __init__(self, server=None, inside=(), address="127.0.0.1"):
        self.port = None
        self.address, self._inside = address, inside
        self._server_settings = server or {}
        self._witnesses = 0

    def __enter__(self):
        self._lock()
        self.directory = support.temp_dir()
        self._postgres()
        self._database()
        self.port = support.free_port()
        self._write_server_config()
        self.start_server()
        self._front_end()
        return self

    def __exit__(self, *_):
        support.undo_all()

    # --- parts ---

    def _lock(self):
        LOCK.parent.mkdir(parents=True, exist_ok=True)
        lock = open(LOCK, "w")
        fcntl.flock(lock, fcntl.LOCK_EX)  # the test's own time limit ends an endless wait
        support.defer(lock.close)

    def _owned(self, name, user):
        path = self.directory / name
        path.mkdir()
        shutil.chown(path, user, user)
        return path

    @staticmethod
    def as_user(user):
        """The packages' users can't enter root's folders: start from /."""
        return {"user": user, "group": user, "extra_groups": [], "cwd": "/"}

    def _postgres(self):
        home = self._owned("postgres", "postgres")
        self._bin = postgres_bin()
        support.run([self._bin / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
                    seconds=120, check=True, **self.as_user("postgres"))
        self.database_port = support.free_port()
        settings = {"listen_addresses": "127.0.0.1", "port": self.database_port, "unix_socket_directories": home, "fsync": "off",
                    "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        self.postgres = support.Process([self._bin / "postgres", "-D", home / "data", *options], self.directory, "postgres_log",
                                        **self.as_user("postgres"))
        support.wait_until(lambda: self._psql("select 1", user="postgres", database="postgres", check=False).returncode == 0, 60,
                           "PostgreSQL answers", of=self.postgres)

    def _client(self, program, user="zabbix", database="zabbix"):
        return [program, "-h", "127.0.0.1", "-p", self.database_port, "-U", user, "-d", database]

    def _psql(self, statement, user="zabbix", database="zabbix", check=True):
        return support.run([*self._client("psql", user, database), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement], check=check)

    def _load(self, path):
        command = [str(word) for word in [*self._client("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
            with gzip.open(path) as sql:
                shutil.copyfileobj(sql, child.stdin)
            child.stdin.close()
            problem = child.stderr.read().decode(errors="replace")
        if child.returncode != 0:
            raise RuntimeError(f"{path}: psql: {problem}")

    def _database(self):
        self._psql("create role zabbix login", user="postgres", database="postgres")
        self._psql("create database zabbix owner zabbix", user="postgres", database="postgres")
        version = re.sub(r"\W+", "-", support.run(["dpkg-query", "-W", "-f", "${Version}", "zabbix-server-pgsql"]).stdout) or "6.0"
        cache = pathlib.Path(os.environ.get("LINEWATCH_ZABBIX_SEED") or self.directory)
        seed = cache / f"zabbix-seed-{version}.sql.gz"
        if seed.exists():
            self._load(seed)
            return
        for part in ("schema", "images", "data"):  # in this order
            self._load(SQL / f"{part}.sql.gz")
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = cache / f".{seed.name}.{os.getpid()}"
        dump = subprocess.run([str(word) for word in [*self._client("pg_dump"), "--no-owner"]], capture_output=True, check=True, timeout=120)
        with gzip.open(unfinished, "wb", compresslevel=3) as out:
            out.write(dump.stdout)
        unfinished.rename(seed)

    def _write_server_config(self):
        # One history syncer: triggers see values in the order they came in, across items.
        home = self._owned("server", "zabbix")
        self.server_config = self.directory / "zabbix_server.conf"
        self.server_config.write_text(f"""
DBHost={self.directory}/postgres
DBPort={self.database_port}
DBName=zabbix
DBUser=zabbix
ListenIP={self.address}
ListenPort={self.port}
LogType=console
PidFile={home}/server.pid
SocketDir={home}
StartPollers=1
StartTrappers=3
StartDBSyncers=1
StartDiscoverers=0
StartHTTPPollers=0
StartPingers=0
""" + "".join(f"{name}={value}\n" for name, value in self._server_settings.items()))

    def start_server(self):
        """Also after `stop_server`, with everything kept."""
        # Only root enters a namespace, so the user changes there.
        self.server = support.Process([*self._inside, "setpriv", "--reuid", "zabbix", "--regid", "zabbix", "--clear-groups", "--pdeathsig", "TERM",
                                       shutil.which("zabbix_server"), "-f", "-c", self.server_config], self.directory, "server_log", cwd="/")
        listens = lambda: any(state == support.TCP_LISTEN for state, _ in support.tcp_sockets(self.server.pid, self.port))
        support.wait_until(listens, 60, "zabbix_server listens", of=self.server)

    def stop_server(self):
        self.server.stop(seconds=60)

    def _server_processes(self, kind=""):
        """{pid: what it says it does} of the server's processes of that kind ("trapper")."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has just ended
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                title = (path / "cmdline").read_bytes().rstrip(b"\0").decode(errors="replace")
                if parent == self.server.pid and f"zabbix_server: {kind}" in title:
                    found[int(path.name)] = title
        return found

    def freeze_trappers(self):
        """Whoever sends waits for an answer from now on. Returns when all that was answered for is in the database."""
        for pid in self._server_processes("trapper"):
            os.kill(pid, signal.SIGSTOP)
        seen = []

        def written():
            """It has slept twice since: it does when nothing is left."""
            for pid, title in self._server_processes("history syncer").items():
                if "idle" in title:
                    status = pathlib.Path(f"/proc/{pid}/status").read_text()
                    seen.append(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)[1]))
            return seen and seen[-1] >= seen[0] + 2
        support.wait_until(written, 30, "the server has written what it took", of=self.server, step=0.2)

    def thaw_trappers(self):
        for pid in self._server_processes("trapper"):
            os.kill(pid, signal.SIGCONT)

    def kill_server(self):
        """kill -9 of all its processes, under those who wait for an answer. Not of what it has answered for and not written:
        that is Zabbix's own loss."""
        self.freeze_trappers()
        children = self._server_processes()
        self.server.kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        support.wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), 20, "the server's processes are gone")

    def _front_end(self):
        self._keep_front_end_config()
        FRONT_END_CONFIG.write_text(f"""<?php // {MARK}
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '127.0.0.1';
$DB['PORT'] = '{self.database_port}';
$DB['DATABASE'] = 'zabbix';
$DB['USER'] = 'zabbix';
$DB['PASSWORD'] = '';
$DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false;
$DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER = '127.0.0.1';
$ZBX_SERVER_PORT = '{self.port}';
$ZBX_SERVER_NAME = 'linewatch test';
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
""")
        FRONT_END_CONFIG.chmod(0o644)
        web_port = support.free_port()
        home = self._owned("web", "www-data")
        self.web = support.Process([shutil.which("php"), "-d", f"session.save_path={home}", "-S", f"127.0.0.1:{web_port}", "-t", FRONT_END],
                                   self.directory, "web_log", **self.as_user("www-data"))
        support.wait_until(lambda: support.port_open("127.0.0.1", web_port), 30, "the front end listens", of=self.web)
        self.api_url = f"http://127.0.0.1:{web_port}/api_jsonrpc.php"
        self.api = Api(self.api_url)
        self.api.login()

    @staticmethod
    def _keep_front_end_config():
        """Puts the machine's own file back in the end. What a lab that was killed hard left there is not worth keeping."""
        backup = FRONT_END_CONFIG.with_name("zabbix.conf.php.before-linewatch-test")
        if FRONT_END_CONFIG.exists() and MARK not in FRONT_END_CONFIG.read_text(errors="replace"):
            shutil.copy2(FRONT_END_CONFIG, backup)
            state = FRONT_END_CONFIG.stat()
            os.chown(backup, state.st_uid, state.st_gid)

        def put_back():
            if backup.exists():
                backup.replace(FRONT_END_CONFIG)
            else:
                FRONT_END_CONFIG.unlink(missing_ok=True)
        support.defer(put_back)

    # --- what tests do with it ---

    def reload(self):
        """New hosts and items take values only once the server's configuration cache has them: waits for that.

        A last new item is the witness: once it takes a value, the cache knows all that were made before it.
        """
        name = f"witness-{self._witnesses}"
        self._witnesses += 1
        groups = self.api("hostgroup.get", {"output": ["groupid"], "limit": 1})
        self.make_host(name, groups[0]["groupid"], {"witness": 3})
        asked = 0.0

        def known():
            # A request that meets a reload under way is ignored by the server, so it is repeated.
            nonlocal asked
            if time.monotonic() - asked > 3:
                support.run(["zabbix_server", "-c", self.server_config, "-R", "config_cache_reload"], check=True,
                            **self.as_user("zabbix"))
                asked = time.monotonic()
            return "failed: 0" in self.send(name, "witness", 1)
        support.wait_until(known, 30, "the server knows the new items", of=self.server, step=0.1)

    def wait_reload(self, condition, what):
        """Waits for what the server itself does with new configuration, such as beginning a maintenance."""
        asked = 0.0

        def check():
            nonlocal asked
            if time.monotonic() - asked > 3:
                support.run(["zabbix_server", "-c", self.server_config, "-R", "config_cache_reload"], check=True, **self.as_user("zabbix"))
                asked = time.monotonic()
            return condition()
        support.wait_until(check, 90, what, of=self.server, step=0.3)

    def select(self, statement):
        """The one value that an SQL statement gives."""
        return support.run([*self._client("psql"), "-X", "-q", "-t", "-A", "-c", statement], check=True).stdout.strip()

    def rows(self, statement):
        """The rows that an SQL statement gives, of columns without line breaks and bars, as texts."""
        return [row.split("|") for row in self.select(statement).splitlines()]

    def make_group(self, name="Linewatch test"):
        return self.api("hostgroup.create", {"name": name})["groupids"][0]

    def make_host(self, name, group, items, **more):
        """A host with trapper items: {key: value type} (0 float, 3 unsigned, 4 text). Returns {key: item id}."""
        host = self.api("host.create", {"host": name, "groups": [{"groupid": group}], **more})["hostids"][0]
        made = self.api("item.create", [{"hostid": host, "name": key, "key_": key, "type": 2, "value_type": kind} for key, kind in items.items()])
        return dict(zip(items, made["itemids"]))

    def make_reader(self, name, groups, password):
        """A user who may read these groups only; the token of it."""
        group = self.api("usergroup.create", {"name": f"{name} group", "rights": [{"id": each, "permission": 2} for each in groups]})["usrgrpids"][0]
        user = self.api("user.create", {"username": name, "passwd": password, "roleid": "1", "usrgrps": [{"usrgrpid": group}]})["userids"][0]
        token = self.api("token.create", {"name": name, "userid": user})["tokenids"][0]
        return self.api("token.generate", [token])[0]["token"]

    def in_maintenance(self, host):
        return self.api("host.get", {"hostids": [host], "output": ["maintenance_status"]})[0]["maintenance_status"] == "1"

    def begin_maintenance(self, host, **more):
        """One for a day; returns when the server has begun it. `more`: of maintenance.create. Returns what maintenance.delete takes."""
        since = int(time.time()) - 3600
        made = self.api("maintenance.create", {
            "name": f"of {host}", "hosts": [{"hostid": host}], "active_since": since, "active_till": since + 86400,
            "timeperiods": [{"timeperiod_type": 0, "start_date": since, "period": 86400}], **more})["maintenanceids"]
        self.wait_reload(lambda: self.in_maintenance(host), "the host is in maintenance")
        return made

    def history(self, item, value_type):
        """[(clock, ns, value as text)] in the order of time."""
        rows = self.api("history.get", {"itemids": [item], "history": value_type, "output": "extend", "limit": 10000})
        return sorted((int(row["clock"]), int(row["ns"]), row["value"]) for row in rows)

    def send(self, host, key, value, clock=None, ns=0, port=None):
        """One value by Zabbix's own sender, to the server or to who listens at `port`; returns its output."""
        line = f'"{host}" "{key}" {clock or int(time.time())} {ns} "{value}"\n'
        return support.run([*self._inside, "zabbix_sender", "-z", self.address, "-p", port or self.port, "-T", "-N", "-i", "-"], input=line).stdout
