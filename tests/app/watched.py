"""Runs a launch and prints, as JSON, what of the process was different afterwards, and what was imported when."""

import asyncio
import json
import logging
import signal
import sys


def state():
    return {
        "excepthook": sys.excepthook is sys.__excepthook__,
        "handlers": [repr(handler) for handler in logging.getLogger().handlers],
        "level": logging.getLogger().level,
        "signals": {int(number): str(signal.getsignal(number)) for number in signal.valid_signals()},
        "stdout": sys.stdout is sys.__stdout__,
        "stderr": sys.stderr is sys.__stderr__,
    }


def main():
    before = state()
    import orchestrator

    heavy = {"aiohttp", "pydantic", "sqlalchemy", "rich", "structlog", "yaml", "jinja2", "click"}
    imported = sorted({name.split(".")[0] for name in sys.modules} & heavy)
    from orchestrator import load_manifest, run_launch

    result = asyncio.run(run_launch(load_manifest(sys.argv[1])))
    json.dump(
        {"same": before == state(), "imported": imported, "exit_code": result.exit_code,
         "structlog": "structlog" in sys.modules, "commands": "orchestrator.cli" in sys.modules,
         "names": sorted(set(orchestrator.__all__) - set(dir(orchestrator)))},
        sys.stdout,
    )  # fmt: skip


if __name__ == "__main__":
    main()
