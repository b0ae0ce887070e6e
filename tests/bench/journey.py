"""locust: a helper signs in, looks at the counter, stamps by htmx, and now and then undoes.

Run by ``rows/journey.py``, which says by the environment where the server is and who they are.
"""

import json
import os
import random
import re
from collections import Counter
from http.cookies import SimpleCookie
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import HttpUser, between, events, task

SAID: dict[str, Any] = json.loads(os.environ["BENCH_JOURNEY"])
TEAM = cycle(SAID["team"])
answered: Counter[str] = Counter()
serving: list[str] = []
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
_FORM = r'<form method="post" action="({}[^"]*)".*?name="token" value="([\w-]+)"'
_STAMP = re.compile(_FORM.format(r"/comptoir/carte/"), re.S)
_UNDO = re.compile(_FORM.format(r"/comptoir/tampon/"), re.S)


class Helper(HttpUser):
    host = SAID["server"]
    wait_time = between(0.05, 0.2)

    def on_start(self) -> None:
        self.member = next(TEAM)
        self.jars: dict[str, SimpleCookie] = {}
        shop, platform = self.member["host"], SAID["platform"]
        page = self.ask("GET", platform, "/connexion/", "sign in: page")
        form = {"login": self.member["email"], "password": SAID["password"], **_csrf(page)}
        self.ask("POST", platform, "/connexion/", "sign in: password", form)
        self.follow(shop, "/comptoir/", "sign in: to the shop")
        serving.append(shop)
        if len(serving) == len(SAID["team"]):  # a slow machine signs in longer, serves as long
            gevent.spawn_later(SAID["seconds"], self.environment.runner.quit)

    def follow(self, host: str, path: str, name: str) -> None:
        """As a browser does, from host to host, until a page is shown."""
        for _turn in range(8):
            answer = self.ask("GET", host, path, name)
            if answer.status_code != 302:
                answer.raise_for_status()
                return
            target = urlsplit(answer.headers["Location"])
            host = target.netloc or host
            path = target.path + (f"?{target.query}" if target.query else "")
        raise RuntimeError("redirected for ever")

    def ask(
        self, method: str, host: str, path: str, name: str, form: Any = None, *, htmx: bool = False
    ) -> Any:
        """Each host has its cookies; the server stands on one address for all of them."""
        jar = self.jars.setdefault(host, SimpleCookie())
        cookies = "; ".join(f"{key}={one.value}" for key, one in jar.items())
        headers = {"Host": host, "Cookie": cookies, "Origin": f"http://{host}"}
        headers |= {"HX-Request": "true", "HX-Target": "sheet"} if htmx else {}
        answer = self.client.request(
            method, path, name=name, headers=headers, data=form, allow_redirects=False
        )
        self.client.cookies.clear()
        for line in answer.raw.headers.getlist("Set-Cookie"):
            jar.load(line)
        return answer

    @task
    def serve_someone(self) -> None:
        shop, card = self.member["host"], random.randint(1, SAID["cards"])
        self.ask("GET", shop, "/comptoir/", "counter")
        page = self.ask("GET", shop, f"/comptoir/carte/{card}/", "a person")
        done = self.press(page, _STAMP, "stamp")
        if done is not None and random.random() < 0.2:
            self.press(done, _UNDO, "undo")

    def press(self, page: Any, button: re.Pattern[str], name: str) -> Any:
        found = button.search(page.text)
        if found is None:
            return None
        form = {"token": found[2], **_csrf(page)}
        answer = self.ask("POST", self.member["host"], found[1], name, form, htmx=True)
        if answer.status_code == 200:
            answered[name] += 1
        return answer if answer.status_code == 200 else None


def _csrf(page: Any) -> dict[str, str]:
    found = _CSRF.search(page.text)
    return {"csrfmiddlewaretoken": found[1]} if found else {}


@events.quitting.add_listener
def _tell(environment: Any, **_more: Any) -> None:
    steps = {
        one.name: {
            "requests": one.num_requests,
            "failures": one.num_failures,
            "p50": one.get_response_time_percentile(0.5),
            "p95": one.get_response_time_percentile(0.95),
        }
        for one in environment.stats.entries.values()
    }
    broken = [one["msg"] for one in environment.runner.exceptions.values()]
    told = {"steps": steps, "answered": answered, "broken": broken}
    Path(SAID["out"]).write_text(json.dumps(told))
