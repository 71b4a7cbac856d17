"""What Zabbix 7 does otherwise than the 6.0 of the lab, and what a front end or something in its place does wrong.

A small HTTP server on loopback with a world of hosts, templates and macros; written from what Zabbix documents. It is
strict where Zabbix is: a token in the body is refused from 7.2 on, an output field that a version does not have is an
error, apiinfo.version takes no token.
"""

import http.server
import json
import ssl
import threading

import support

TOKEN = "0123456789abcdef" * 4
HOST_FIELDS = {"hostid", "host", "name", "status", "maintenance_status", "maintenance_type", "tls_accept"}
ITEM_FIELDS = {"itemid", "hostid", "key_", "type", "status", "state", "error", "value_type", "trapper_hosts", "allow_traps"}
NEW_HOST_FIELDS = {"monitored_by", "proxyid", "proxy_groupid", "assigned_proxyid"}  # 7.0


class Refused(Exception):
    def __init__(self, data, code=-32602, message="Invalid params."):
        super().__init__(data)
        self.error = {"code": code, "message": message, "data": data}


class ZabbixStandIn:
    """`hosts`, `templates`, `macros`, `proxies`, `groups`, `items`, `rules` are what it knows; `calls` what it was asked, `bad` how it misbehaves."""

    def __init__(self, version="7.0.0", tls=None):
        self.version = version
        self.hosts, self.templates, self.macros, self.proxies, self.groups = [], [], [], [], []
        self.items, self.rules = [], []
        self.calls, self.connections, self.bad = [], 0, None
        self.users, self.sessions = {}, set()
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                stand_in.connections += 1
                super().setup()

            def do_POST(self):
                stand_in.answer(self)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # the client went away: that is the point of some tests
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/zabbix/api_jsonrpc.php"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        support.defer(self.close)

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    # --- HTTP ---

    def answer(self, http_request):
        body = http_request.rfile.read(int(http_request.headers.get("Content-Length", 0)))
        request = json.loads(body)
        self.calls.append(request["method"])
        if self.bad and self.bad(http_request, request):
            return
        if http_request.headers.get("Content-Type") not in ("application/json", "application/json-rpc"):
            return self.send(http_request, b"", status=412)
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            reply["result"] = self.dispatch(request, http_request.headers.get("Authorization"))
        except Refused as refused:
            reply["error"] = refused.error
        self.send(http_request, json.dumps(reply).encode())

    @staticmethod
    def send(http_request, body, status=200, kind="application/json", **headers):
        http_request.send_response(status)
        http_request.send_header("Content-Type", kind)
        http_request.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            http_request.send_header(name, value)
        http_request.end_headers()
        http_request.wfile.write(body)

    # --- JSON-RPC ---

    def number(self):
        return tuple(int(part) for part in self.version.split(".")[:2])

    def dispatch(self, request, header):
        method, params = request["method"], request["params"]
        if method == "apiinfo.version":
            if header or "auth" in request:
                raise Refused("The \"apiinfo.version\" method must be called without authorization header.")
            return self.version
        if method == "user.login":
            return self.login(params)
        token = request.get("auth") if self.number() < (6, 4) else header.removeprefix("Bearer ") if header else None
        if "auth" in request and self.number() >= (7, 2):
            raise Refused("Invalid parameter \"/\": unexpected parameter \"auth\".")
        if token != TOKEN and token not in self.sessions:
            raise Refused("Not authorized.")
        if method == "user.logout":
            self.sessions.discard(token)
            return True
        return getattr(self, method.replace(".", "_"))(params)

    def login(self, params):
        key = "username" if self.number() >= (5, 4) else "user"
        if set(params) != {key, "password"}:
            raise Refused(f"Invalid parameter \"/\": the parameter \"{key}\" is missing.")
        if self.users.get(params[key]) != params["password"]:
            raise Refused("Incorrect user name or password or account is temporarily blocked.", -32500, "Application error.")
        session = f"session-{len(self.calls)}-of-{params[key]}"
        self.sessions.add(session)
        return session

    @staticmethod
    def fields(params, known):
        for index, field in enumerate(params["output"], 1):
            if field not in known:
                raise Refused(f"Invalid parameter \"/output/{index}\": value must be one of \"{known}\".")

    def proxy_get(self, params):
        by = "name" if self.number() >= (7, 0) else "host"
        self.fields(params, {"proxyid", by} | ({"proxy_groupid"} if by == "name" else set()))
        if "proxyids" in params:
            return [proxy for proxy in self.proxies if proxy["proxyid"] in params["proxyids"]]
        return [proxy for proxy in self.proxies if proxy[by] in params["filter"][by]]

    def proxygroup_get(self, params):
        self.fields(params, {"proxy_groupid", "name"})
        if "proxy_groupids" in params:
            return [group for group in self.groups if group["proxy_groupid"] in params["proxy_groupids"]]
        return [group for group in self.groups if group["name"] in params["filter"]["name"]]

    def host_get(self, params):
        self.fields(params, HOST_FIELDS | (NEW_HOST_FIELDS if self.number() >= (7, 0) else {"proxy_hostid"}))
        found = self.hosts
        if "filter" in params:
            found = [host for host in found if host["host"] in params["filter"]["host"]]
        for key, field in (("proxyids", "proxyid" if self.number() >= (7, 0) else "proxy_hostid"), ("proxy_groupids", "proxy_groupid")):
            if key in params:
                found = [host for host in found if host.get(field) in params[key]]
        for tag in params.get("tags", []):
            assert tag["operator"] == 1, "equal, not contains"
            found = [host for host in found if {"tag": tag["tag"], "value": tag["value"]} in host["tags"]]
        return found

    def template_get(self, params):
        self.fields(params, {"templateid", "host"})
        return [template for template in self.templates if template["templateid"] in params["templateids"]]

    def usermacro_get(self, params):
        assert params["globalmacro"] is True
        return self.macros

    def item_get(self, params):
        if "inherited" in params:
            return []
        return self.of_hosts(self.items, params)

    def discoveryrule_get(self, params):
        return self.of_hosts(self.rules, params)

    def of_hosts(self, items, params):
        self.fields(params, ITEM_FIELDS)
        return [item for item in items if item["hostid"] in params["hostids"] and item["key_"] in params["filter"]["key_"]]

    # --- a world ---

    def add_host(self, number, name, macros=None, templates=(), **more):
        host = {"hostid": str(number), "host": name, "name": name, "status": "0", "maintenance_status": "0", "maintenance_type": "0",
                "tls_accept": "1", "monitored_by": "1", "proxyid": "7",
                "proxy_groupid": "0", "proxy_hostid": "7", "tags": [{"tag": "TempType", "value": "LINE"}],
                "macros": self.macro_list(macros or {}), "parentTemplates": [{"templateid": each} for each in templates],
                "interfaces": [{"type": "1", "main": "1", "useip": "1", "ip": "198.51.100.9", "dns": ""}], **more}
        self.hosts.append(host)
        return host

    def add_template(self, number, macros, linked=()):
        self.templates.append({"templateid": number, "macros": self.macro_list(macros), "parentTemplates": [{"templateid": each} for each in linked]})

    @staticmethod
    def item(host, key, **more):
        """For `items` or `rules`."""
        return {"itemid": f"{host['hostid']}{len(key)}", "hostid": host["hostid"], "key_": key, "type": "2", "status": "0", "state": "0", "error": "",
                "value_type": "3", "trapper_hosts": "", "allow_traps": "0", **more}

    @staticmethod
    def macro_list(macros):
        return [{"macro": "{$" + key + "}", "value": value, "type": "0"} for key, value in macros.items()]


# --- ways to misbehave: each takes the HTTP request and the JSON one, and says whether it has dealt with it -----

def on(method, bad):
    return lambda http_request, request: request["method"] == method and bad(http_request, request)


def answer(body, status=200, kind="application/json", **headers):
    def bad(http_request, _request):
        ZabbixStandIn.send(http_request, body, status, kind, **headers)
        return True
    return bad


def cut(http_request, _request):
    """Announces more than comes."""
    http_request.send_response(200)
    http_request.send_header("Content-Length", "1000")
    http_request.end_headers()
    http_request.wfile.write(b'{"jsonrpc":"2.0","result":"7.')
    http_request.wfile.flush()
    http_request.close_connection = True
    return True


def hang_up(http_request, _request):
    http_request.close_connection = True
    return True


def announced_huge(http_request, _request):
    http_request.send_response(200)
    http_request.send_header("Content-Length", str(1 << 40))
    http_request.end_headers()
    return True
