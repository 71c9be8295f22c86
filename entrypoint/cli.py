"""The `kvv` command. Only the chosen command's code is imported, so that help is quick."""

import gc
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from entrypoint.signals import ENDING
from entrypoint.streams import settle, silence

COMMANDS = {
    "demo": "run everything against the embedded vendor: no key, no network",
    "run": "verify an endpoint",
    "doctor": "check that an endpoint answers: address, key, model",
    "plan": "print what a run would ask, what it would cost and what it could decide; sends nothing",
    "simulate": "serve the embedded vendor alone",
    "merge": "make one report of the shards of a run",
    "render": "write the reports of a run again from its report.json",
    "compare": "tell whether a change broke the model: two runs, sample by sample",
    "audit": "recompute a run from its journal and compare",
    "bundle": "pack the evidence of a run into one archive",
    "datasets": "fetch, verify, pin or list the datasets, also for a machine without network",
    "sandbox": "check the container engine, and remove what runs have left on it",
    "import-k2vv": "make a run from a result file of K2VV",
    "reference": "make a reference pack of runs against an official endpoint, or check one",
    "fingerprint": "capture next-token probabilities of an endpoint, as a reference to compare vendors with",
    "baseline": "capture next-token probabilities of a server before a change, to see within a minute what it moved",
    "leaderboard": "submit results to a public leaderboard, check submissions, or build its site",
    "profiles": "list the model profiles or show one; make one of what an endpoint does, and compare them",
    "toolcall": "draw a set of requests that offer tools, from tools and histories of your own",
    "benchmarks": "list the benchmarks",
    "faults": "list the faults that the embedded vendor can have",
}

MEANT = {"verify": "run", "test": "run", "check": "doctor", "report": "render", "serve": "simulate", "diff": "compare"}
"""Words of other tools for our commands."""
RARELY = (50_000, 20, 100)
"""When garbage is collected: imports and requests make many objects and few cycles."""
USAGE = 2
DEFECT = 70
"""EX_SOFTWARE of sysexits.h."""
READER_LEFT = 141
"""As a shell reports a command that died of SIGPIPE."""


def overview() -> str:
    """The top-level help."""
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    return (
        "usage: kvv COMMAND [OPTION ...]\n\n"
        "Verify that a vendor serves an open model correctly.\n\n"
        f"commands:\n{lines}\n\n"
        "start with:\n"
        "  kvv demo\n"
        "  KVV_API_KEY=... kvv run --base-url https://api.example.com/v1 --model kimi-k2.6\n\n"
        "`kvv COMMAND --help` explains a command. Every option is also an input of the GitHub Action and a variable:\n"
        "--max-connections, max-connections, KVV_MAX_CONNECTIONS. The key comes from KVV_API_KEY only.\n\n"
        "exit status: 0 pass, 1 fail, 2 wrong usage, 3 inconclusive or skipped, 70 defect, 130 interrupted"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    if argv is None:  # the process is ours
        gc.set_threshold(*RARELY)
        settle()
        for number in ENDING:  # all like Ctrl-C, wherever they hit; what started us may have ignored or blocked them
            signal.signal(number, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        sys.unraisablehook = _not_ignored
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        return READER_LEFT
    except OSError as error:
        return _refused(error)
    return status


def _refused(error: OSError) -> int:
    """Tell what the operating system refused: to print, or something about a file. Anything else is a defect."""
    from kvv_action.errors import about_file

    if error.filename is None and not _prints():
        silence(sys.stdout)
        told = f"standard output: {error.strerror}"
    elif not (told := about_file(error)):
        return _defect()
    _tell(told)
    return USAGE


def _tell(text: str) -> None:
    """Tell the user something that has gone wrong."""
    from kvv_action.report.text import visible

    told = visible(text, 2000)
    _complain(f"{told}\n" if told.startswith("kvv ") else f"kvv: {told}\n")


def _complain(text: str) -> None:
    """Write to standard error; where that fails, too, the status alone tells."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        silence(sys.stderr)


def _prints() -> bool:
    """Whether standard output takes one line more; where it does not, nothing else says that the error was its own."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        return False
    return True


def _not_ignored(found: "sys.UnraisableHookArgs") -> None:
    """Python ignores an interruption that hits a finaliser: it comes again a moment later."""
    if found.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(found)
        return
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, 0.01)


def _run(arguments: list[str]) -> int:
    if len(arguments) > 1 and arguments[0] == "help":
        arguments = [*arguments[1:], "--help"]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(overview() + "\n")
        return 0 if arguments else USAGE
    if arguments[0] in ("-V", "--version", "version"):
        from kvv_action import __version__

        sys.stdout.write(f"kvv {__version__}\n")
        return 0
    return _command(arguments[0], arguments[1:])


def _command(name: str, arguments: list[str]) -> int:
    from kvv_action.errors import KvvError, Problem, UsageError, nearest

    try:
        if name not in COMMANDS:
            allowed = f"Commands are {', '.join(COMMANDS)}."
            guess = MEANT.get(name) or nearest(name, [*COMMANDS, "--version", "--help"])
            raise UsageError([Problem(name="command", value=name, allowed=allowed, nearest=guess)])
        status: int = import_module(f"entrypoint.commands.{name.replace('-', '_')}").main(arguments)
    except UsageError as error:
        from entrypoint.config_file import placed
        from entrypoint.settings import composed

        for problem in error.problems:
            _tell(str(placed(problem, arguments, composed())))
        return USAGE
    except KvvError as error:
        _tell(str(error))
        return USAGE
    except KeyboardInterrupt:
        _complain("kvv: interrupted\n")  # a run that had begun has said so in its reports
        return 130
    except SystemExit as leaving:  # argparse has printed the help, or nobody reads what rich prints
        return READER_LEFT if leaving.code else 0
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - the last boundary: a defect of ours must not read as "the vendor fails"
        return _defect()
    return status


def _defect() -> int:
    """Show a traceback without secrets."""
    import traceback

    from kvv_action.github.context import secrets
    from kvv_action.redact import Redactor

    _complain(Redactor(secrets()).text(traceback.format_exc()))
    _complain("kvv: this is a defect of kvv, not of the endpoint; please report it. The journal is kept.\n")
    return DEFECT


if __name__ == "__main__":
    sys.exit(main())
