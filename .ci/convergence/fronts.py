"""nginx and Caddy in front of the server, with nothing set but the address."""

import contextlib
import os
import random
import shutil
import socket
import subprocess

from load import wait_for

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{to};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{to}
}}
"""


def free_port(taken=()):
    """A port that no outgoing connection takes while its server is away."""
    for port in random.sample(range(15_000, 30_000), 200):
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            if port not in taken:
                return port
    raise AssertionError("no free port")


class Fronts:
    """Both proxies, until they are left."""

    def __init__(self, folder, to):
        self.folder, self.to = folder, to
        self.nginx = free_port({to})
        self.caddy = free_port({to, self.nginx})
        self.processes = []

    def __enter__(self):
        places = {"folder": self.folder, "to": self.to}
        (self.folder / "nginx.conf").write_text(NGINX.format(port=self.nginx, **places))
        (self.folder / "Caddyfile").write_text(CADDY.format(port=self.caddy, **places))
        try:
            self.start("nginx", "-p", self.folder, "-c", self.folder / "nginx.conf")
            self.start("caddy", "run", "--adapter", "caddyfile", "--config", self.folder / "Caddyfile")
            for port in (self.nginx, self.caddy):
                wait_for("proxy", lambda: listens(port))
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self, name, *arguments):
        program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, f"{name} is missing"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        with open(self.folder / f"{name}.out", "w") as out:
            self.processes.append(subprocess.Popen(
                [program, *map(str, arguments)], cwd=self.folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            ))

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
