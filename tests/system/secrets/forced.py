"""The real program with a way to fail: at one chosen await of its own code, an exception that is full of secrets.

Started once, it imports the program with every `await`, `async with` and `async for` of it rewritten to pass through
`_forced` below, and then forks a process per line on stdin: `cwd`, `site` (a place in the source, or "" to list the
places that a run comes by) and `kind`. The product knows nothing of this.
"""

import ast
import builtins
import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

from tests.fork_server import run_to_the_end

_NOT_OURS = ("orchestrator.sandbox", "orchestrator.rehearsal")  # the platform's side
_state = {"site": "", "kind": "", "seen": set(), "modules": set()}


class _Rewriter(ast.NodeTransformer):
    def __init__(self, module):
        self.module = module

    def _call(self, name, node):
        site = ast.Constant(f"{self.module}:{node.lineno}:{node.col_offset}")
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), [site, node], []), node)

    def visit_Await(self, node):
        self.generic_visit(node)
        node.value = self._call("_forced", node.value)
        return node

    def visit_AsyncWith(self, node):
        self.generic_visit(node)
        for item in node.items:
            item.context_expr = self._call("_forced_with", item.context_expr)
        return node

    def visit_AsyncFor(self, node):
        self.generic_visit(node)
        node.iter = self._call("_forced_for", node.iter)
        return node


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        path = self.get_filename(fullname)
        tree = _Rewriter(fullname.removeprefix("orchestrator.")).visit(ast.parse(self.get_data(path)))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):  # noqa: ARG002 - the protocol's
        if not fullname.startswith("orchestrator.") or fullname.startswith(_NOT_OURS):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def _reach(site):
    _state["seen"].add(site)
    if site == _state["site"]:
        _state["site"] = ""
        Path("forced").write_text(site, encoding="utf-8")
        raise _exception(_state["kind"])


async def _forced(site, awaitable):
    try:
        _reach(site)
    except BaseException:
        if hasattr(awaitable, "close"):
            awaitable.close()  # else Python says that it was never awaited
        raise
    return await awaitable


class _forced_with:  # noqa: N801 - stands for a statement
    def __init__(self, site, manager):
        self.site, self.manager = site, manager

    async def __aenter__(self):
        _reach(self.site)
        return await self.manager.__aenter__()

    async def __aexit__(self, *error):
        return await self.manager.__aexit__(*error)


async def _forced_for(site, items):
    _reach(site)
    async for item in items:
        yield item


def _exception(kind):
    """An exception whose text, arguments and attributes hold what a careless library could put there."""
    import aiohttp
    import jwt
    import sqlalchemy as sa
    from multidict import CIMultiDict, CIMultiDictProxy
    from yarl import URL

    from tests.canaries import SECRET

    token = jwt.encode({"appId": "cs-acme"}, SECRET, "HS256")
    basic = b64encode(f"cs-acme:{SECRET}".encode()).decode()
    text = " ".join(
        ("cannot do it:", SECRET, repr(SECRET), json.dumps(SECRET), quote(SECRET), quote(SECRET, safe=""), basic, token,
         f"Authorization: Basic {basic}", os.environ.get("ACME_KEY", ""), SECRET.encode().hex(), f"\nauth: {token}")
    )  # fmt: skip
    headers = CIMultiDictProxy(CIMultiDict({"auth": token, "Authorization": f"Basic {basic}", "secret": SECRET}))
    request = aiohttp.RequestInfo(URL("https://kore.example/x"), "POST", headers, URL("https://kore.example/x"))
    made = {
        "client": lambda: aiohttp.ClientResponseError(request, (), message=f"{text} {request!r}", headers=headers),
        "os": lambda: OSError(5, text, SECRET),
        "runtime": lambda: RuntimeError(text, {"token": token, "secret": SECRET}),
        "database": lambda: sa.exc.OperationalError("INSERT", {"secret": SECRET}, Exception(text)),
    }  # fmt: skip
    return made[kind]()


def run_job(job):
    _state.update(site=job["site"], kind=job["kind"], seen=set(), modules=set(sys.modules))
    os.chdir(job["cwd"])
    os.environ.update(job["environment"])
    log = os.open("output.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.alarm(120)  # a run that hangs is killed, and the test sees how it ended
    run_to_the_end(lambda: seen_run(job["arguments"]))


def seen_run(arguments):
    try:
        MAIN(arguments)
    finally:
        seen = {"sites": sorted(_state["seen"]), "modules": sorted(set(sys.modules) - _state["modules"])}
        Path("seen.json").write_text(json.dumps(seen), encoding="utf-8")


def serve():
    for line in sys.stdin:
        job = json.loads(line)
        for module in job["modules"]:  # once here, and not in each of the forks
            with contextlib.suppress(ImportError):  # some are made while others are imported, and have no file
                importlib.import_module(module)
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            run_job(job)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    for part in (_forced, _forced_with, _forced_for):
        setattr(builtins, part.__name__, part)
    sys.meta_path.insert(0, _Finder())
    from orchestrator.cli import main as MAIN  # noqa: N812 - the program

    serve()
